/** Commands about the background work of a folder: what it is to do, and what it has done, file by file. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { methods } from '../../../protocol/methods.ts';
import type { FilesResult, IndexedFile, RetryResult } from '../../../protocol/status.ts';
import { ServerClient } from './client.ts';
import { count } from './progress-bar.ts';

export interface WorkContext {
  mainFile: string;
  print: (text: string) => Promise<void>;
}

interface FilesFlags {
  json?: true;
  failed?: true;
}

const pageSize = 1000;

export function workCommands(program: Command, { mainFile, print }: WorkContext): void {
  const withServer = async (work: (client: ServerClient) => Promise<void>): Promise<void> => {
    const client = await ServerClient.open(mainFile, {});
    try {
      await work(client);
    } finally {
      client.close();
    }
  };
  const order = (name: string, description: string, method: string, done: string): void => {
    program
      .command(name)
      .description(description)
      .argument('<folder>')
      .action((folder: string) =>
        withServer(async (client) => {
          await client.request(method, { folder: resolve(folder) });
          await print(done);
        }),
      );
  };
  order(
    'pause',
    'stop indexing a folder until it is resumed',
    methods.pause,
    'Paused. Go on with: tiercel resume FOLDER',
  );
  order('resume', 'go on indexing a folder', methods.resume, 'Goes on in the background.');
  order(
    'cancel',
    'give up what is left to index of a folder; what is indexed is kept up to date',
    methods.cancel,
    'Cancelled. Finish it with: tiercel resume FOLDER',
  );
  program
    .command('retry')
    .description('try files again that could not be read, parsed or embedded')
    .argument('<folder>')
    .action((folder: string) =>
      withServer(async (client) => {
        const { files } = await client.request<RetryResult>(methods.retry, { folder: resolve(folder) });
        await print(files === 0 ? 'There is nothing to retry.' : `${count(files)} files are tried again.`);
      }),
    );
  program
    .command('files')
    .description('what is in the index, file by file')
    .argument('<folder>')
    .option('--failed', 'only files that are left out or indexed in part')
    .option('--json', 'one JSON line for each file')
    .action((folder: string, flags: FilesFlags) =>
      withServer(async (client) => {
        let after: string | undefined;
        do {
          const page: FilesResult = await client.request<FilesResult>(methods.files, {
            folder: resolve(folder),
            limit: pageSize,
            ...(after === undefined ? {} : { after }),
          });
          for (const file of page.files) {
            if (flags.failed === true && !isIncomplete(file)) continue;
            await print(flags.json === true ? JSON.stringify(file) : fileLine(file));
          }
          after = page.more ? page.files.at(-1)?.path : undefined;
        } while (after !== undefined);
      }),
    );
}

function isIncomplete({ outcome, chunks }: IndexedFile): boolean {
  return outcome !== '' || chunks.some(({ missing }) => missing.length > 0);
}

/** `src/a.ts  typescript, 12 chunks, 3 without deep vectors` */
function fileLine({ path, language, outcome, chunks }: IndexedFile): string {
  const lanes = new Set(chunks.flatMap(({ missing }) => missing));
  const without = [...lanes].map(
    (lane) => `${count(chunks.filter(({ missing }) => missing.includes(lane)).length)} without ${lane} vectors`,
  );
  const facts = [language, `${count(chunks.length)} ${chunks.length === 1 ? 'chunk' : 'chunks'}`, ...without];
  return `${path}  ${[...(outcome === '' ? [] : [outcome]), ...facts].join(', ')}`;
}
