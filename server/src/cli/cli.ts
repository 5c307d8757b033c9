/** The command line `tiercel`. Output is documented in docs/cli.md; `--json` output is stable. */
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { TiercelError, errorCodes, isCancelled, messageOf } from '../../../protocol/errors.ts';
import { methods } from '../../../protocol/methods.ts';
import {
  laneNames,
  mostOnDemandMs,
  rankerNames,
  type LaneName,
  type RankerName,
  type SearchParams,
  type SearchResult,
  type SimilarResult,
} from '../../../protocol/search.ts';
import {
  backgroundLoads,
  leastMemoryBudget,
  type BackgroundLoad,
  type SettingsInput,
} from '../../../protocol/settings.ts';
import type { FolderStatus, IndexResult } from '../../../protocol/status.ts';
import { endpoint } from '../daemon/endpoint.ts';
import { tryConnect, untilNobodyAnswers } from '../daemon/connect.ts';
import { pipeStdio } from '../daemon/pipe.ts';
import { ServerClient } from './client.ts';
import { clonesCommand } from './clones.ts';
import { doctorCommand } from './doctor.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { modelsCommands } from './models.ts';
import { ProgressBar } from './progress-bar.ts';
import { workCommands } from './work.ts';
import { renderHits, renderIndexResult, renderStatus } from './render.ts';

/** A command line is asked once: it rather waits for a model than answers without it, milliseconds. */
const patienceMs = 30_000;

export interface CliContext {
  mainFile: string;
  version: string;
}

interface SearchFlags {
  limit: number;
  language?: string[];
  path?: string[];
  json?: true;
  stdin?: true;
  rerank?: true;
  onDemand?: number;
  lanes?: LaneName[];
  ranker?: RankerName;
  explain?: true;
  fold?: true;
}

interface IndexFlags {
  deep?: true;
  rebuild?: true;
  exclude?: string[];
  memoryBudget?: number;
  diskBudget?: number;
  maxWait?: number;
  load: BackgroundLoad;
  json?: true;
}

/** What somebody waits for gets all cores. */
const loadOfIndex: BackgroundLoad = 'full';

/** @returns the exit code. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const cli = new Cli(context);
  try {
    await cli.program().parseAsync(args, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    // Commander has already said what is wrong.
    if (!(error instanceof CommanderError) && !isCancelled(error)) process.stderr.write(`tiercel: ${advice(error)}\n`);
    return exitCodeOf(error);
  }
}

/** What went wrong, and the command that mends it where there is one. */
function advice(error: unknown): string {
  const mend = error instanceof TiercelError && error.code === errorCodes.rebuildIndex;
  return mend ? `${messageOf(error)} Run: tiercel index FOLDER --rebuild` : messageOf(error);
}

class Cli {
  readonly #context: CliContext;
  readonly #interrupt = new AbortController();

  constructor(context: CliContext) {
    this.#context = context;
    // The reader has seen enough (`| head`): no failure, and nobody left to tell.
    process.stdout.on('error', () => process.exit(exitCodes.ok));
    process.once('SIGINT', () => {
      this.#interrupt.abort();
      // A second Ctrl-C does not wait for the server's answer.
      process.once('SIGINT', () => process.exit(exitCodes.cancelled));
    });
  }

  program(): Command {
    const program = new Command('tiercel')
      .description('Semantic code search that runs on your own machine.')
      .version(this.#context.version)
      .exitOverride()
      .showHelpAfterError('(add --help for more)');
    program
      .command('index')
      .description('index a folder, or bring its index up to date')
      .argument('<folder>')
      .option('--deep', 'wait for the deep lane (transformer) as well')
      .option('--rebuild', 'throw the stored index away first')
      .option('--exclude <glob...>', 'leave files out (gitignore syntax)')
      .option('--memory-budget <MiB>', 'memory the engine may hold while this runs', parseMemoryBudget)
      .option('--disk-budget <MiB>', 'disk the index of this repository may take while this runs', parseCount)
      .option('--max-wait <seconds>', 'give up when memory stays short for so long', parseCount)
      .addOption(
        new Option('--load <load>', 'how much of the machine it takes').choices(backgroundLoads).default(loadOfIndex),
      )
      .option('--json', 'print the result as JSON')
      .action((folder: string, flags: IndexFlags) => this.#index(folder, flags));
    withSearchFlags(program.command('search'))
      .description('search an indexed folder by meaning')
      .argument('<folder>')
      .argument('[query...]')
      .option('--rerank', 'put the best hits in order by the reranker, else by the transformer')
      .option('--on-demand <ms>', 'time for embedding the best candidates that have no deep vector yet', parseOnDemand)
      .option('--fold', 'with --json: give hits with the same text once, as is done for people')
      .addOption(new Option('--lanes <lane...>', 'ask these lanes only').choices(laneNames))
      .addOption(new Option('--ranker <name>', 'how hits are put in order').choices(rankerNames))
      .option('--explain', 'say what each signal adds to the score of every hit')
      .option('--stdin', 'read one query per line from standard input, print one JSON line for each')
      .action((folder: string, words: string[], flags: SearchFlags) => this.#search(folder, words, flags));
    withSearchFlags(program.command('similar'))
      .description('list the code nearest to a place: FILE:LINE, or FILE:FIRST-LAST')
      .argument('<folder>')
      .argument('<place>')
      .action((folder: string, place: string, flags: SearchFlags) => this.#similar(folder, place, flags));
    clonesCommand(program, {
      signal: this.#interrupt.signal,
      print,
      withServer: (work) => this.#withServer(work),
    });
    program
      .command('status')
      .description('what is indexed, with which models, and what was left out')
      .argument('<folder>')
      .option('--json', 'print as JSON')
      .action((folder: string, flags: { json?: true }) => this.#status(folder, flags));
    workCommands(program, { mainFile: this.#context.mainFile, print });
    const { mainFile, version } = this.#context;
    modelsCommands(program, { mainFile, signal: this.#interrupt.signal, print });
    doctorCommand(program, { mainFile, version, print });
    program
      .command('lsp')
      .description('language server on standard input and output')
      .option('--stdio', 'the only transport, and the default')
      .action(() => pipeStdio(this.#context.mainFile));
    program
      .command('stop')
      .description('end the server of this user; it starts again when needed')
      .action(() => this.#stop());
    program
      .command('start', { hidden: true })
      .argument('[folder]', 'folder to index', '.')
      .argument('[query...]')
      .action((folder: string, words: string[]) => this.#start(folder, words));
    return program;
  }

  async #withServer(work: (client: ServerClient) => Promise<void>, settings: SettingsInput = {}): Promise<void> {
    const client = await ServerClient.open(this.#context.mainFile, settings);
    try {
      await work(client);
    } finally {
      client.close();
    }
  }

  #index(folder: string, flags: IndexFlags): Promise<void> {
    const { exclude = [], memoryBudget = 0, diskBudget = 0, load } = flags;
    const settings = { exclude, memory: { budget: memoryBudget }, disk: { budget: diskBudget }, background: { load } };
    return this.#withServer(async (client) => {
      const result = await this.#indexWithBar(client, folder, flags);
      process.stdout.write(`${flags.json ? JSON.stringify(result) : renderIndexResult(result)}\n`);
    }, settings);
  }

  async #indexWithBar(client: ServerClient, folder: string, flags: Omit<IndexFlags, 'load'>): Promise<IndexResult> {
    const bar = new ProgressBar(process.stderr);
    client.onProgress((progress) => {
      bar.update(progress);
    });
    try {
      return await client.request<IndexResult>(
        methods.index,
        {
          folder: resolve(folder),
          deep: flags.deep === true,
          rebuild: flags.rebuild === true,
          ...(flags.maxWait === undefined ? {} : { patienceMs: flags.maxWait * 1000 }),
        },
        this.#interrupt.signal,
      );
    } finally {
      bar.clear();
    }
  }

  #search(folder: string, words: string[], flags: SearchFlags): Promise<void> {
    const query = words.join(' ');
    if (flags.stdin === true && query !== '') {
      throw new TiercelError(errorCodes.fixTheCall, 'Give either a query or --stdin, not both.');
    }
    if (flags.stdin !== true && query.trim() === '') {
      throw new TiercelError(
        errorCodes.fixTheCall,
        'There is no query. Example: tiercel search . "how are routes registered"',
      );
    }
    return this.#withServer(async (client) => {
      const ask = (text: string): Promise<SearchResult> =>
        client.request<SearchResult>(methods.search, searchParams(folder, text, flags), this.#interrupt.signal);
      if (flags.stdin !== true) {
        const result = await ask(query);
        await printAnswer(result, flags);
        return;
      }
      for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
        await print(JSON.stringify(await ask(line)));
      }
    });
  }

  #similar(folder: string, place: string, flags: SearchFlags): Promise<void> {
    const { path, startLine, endLine } = parsePlace(place);
    return this.#withServer(async (client) => {
      const { query: _, fold: __, ...filters } = searchParams(folder, '', flags);
      const result = await client.request<SimilarResult>(
        methods.similar,
        { ...filters, path, startLine, ...(endLine === undefined ? {} : { endLine }) },
        this.#interrupt.signal,
      );
      await printAnswer(result, flags);
    });
  }

  #status(folder: string, flags: { json?: true }): Promise<void> {
    return this.#withServer(async (client) => {
      const status = await client.request<FolderStatus>(methods.status, { folder: resolve(folder) });
      await print(flags.json ? JSON.stringify(status) : renderStatus(status));
    });
  }

  async #stop(): Promise<void> {
    const { address } = endpoint(this.#context.mainFile);
    const socket = await tryConnect(address);
    if (socket === undefined) {
      await print('No server is running.');
      return;
    }
    socket.destroy();
    await this.#withServer((client) => client.request(methods.shutdownServer, {}));
    // Whoever starts or removes something next meets nothing of it.
    await untilNobodyAnswers(address);
    await print('The server ended.');
  }

  /** `npm start`: index, then answer one query or a prompt of them. */
  #start(folder: string, words: string[]): Promise<void> {
    return this.#withServer(async (client) => {
      const result = await this.#indexWithBar(client, folder, {});
      process.stderr.write(`${renderIndexResult(result)}\n`);
      const answer = async (query: string): Promise<void> => {
        const params = searchParams(folder, query, { limit: 10 });
        const result = await client.request<SearchResult>(methods.search, params, this.#interrupt.signal);
        await printAnswer(result, {});
      };
      if (words.length > 0) {
        await answer(words.join(' '));
        return;
      }
      const prompt = createInterface({ input: process.stdin, output: process.stderr, prompt: 'search> ' });
      prompt.once('SIGINT', () => {
        prompt.close();
      });
      prompt.prompt();
      for await (const line of prompt) {
        if (line.trim() !== '') await answer(line);
        prompt.prompt();
      }
    });
  }
}

function withSearchFlags(command: Command): Command {
  return command
    .option('--limit <n>', 'how many results', parseLimit, 10)
    .option('--language <id...>', 'only these languages')
    .option('--path <glob...>', 'only paths that match')
    .option('--json', 'print as JSON');
}

/** People get what says the same thing once and what matched in colour; programs get all hits as they are. */
function printAnswer(result: SearchResult | SimilarResult, { json }: { json?: true }): Promise<void> {
  const { NO_COLOR: noColour = '' } = process.env;
  const colour = process.stdout.isTTY && noColour === '';
  return print(json ? JSON.stringify(result) : renderHits(result.hits, result.coverage, result, { colour }));
}

function searchParams(folder: string, query: string, flags: SearchFlags): SearchParams {
  return {
    folder: resolve(folder),
    query,
    limit: flags.limit,
    patienceMs,
    ...(flags.json !== true || flags.fold === true ? { fold: true } : {}),
    ...(flags.rerank === true ? { rerank: true } : {}),
    ...(flags.onDemand === undefined ? {} : { onDemandMs: flags.onDemand }),
    ...(flags.explain === true ? { explain: true } : {}),
    ...(flags.lanes === undefined ? {} : { lanes: flags.lanes }),
    ...(flags.ranker === undefined ? {} : { ranker: flags.ranker }),
    ...(flags.language === undefined ? {} : { languages: flags.language }),
    ...(flags.path === undefined ? {} : { paths: flags.path }),
  };
}

function parseCount(value: string): number {
  const count = Number(value);
  if (value.trim() === '' || !Number.isInteger(count) || count < 0) {
    throw new InvalidArgumentError('It is a whole number from 0 on.');
  }
  return count;
}

function parseOnDemand(value: string): number {
  const milliseconds = parseCount(value);
  if (milliseconds > mostOnDemandMs) throw new InvalidArgumentError(`It is at most ${String(mostOnDemandMs)}.`);
  return milliseconds;
}

function parseMemoryBudget(value: string): number {
  const mebibytes = parseCount(value);
  if (mebibytes > 0 && mebibytes < leastMemoryBudget) {
    throw new InvalidArgumentError(`It is at least ${String(leastMemoryBudget)}.`);
  }
  return mebibytes;
}

function parseLimit(value: string): number {
  const limit = Number(value);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new InvalidArgumentError('It is a whole number from 1 to 1000.');
  }
  return limit;
}

function parsePlace(place: string): { path: string; startLine: number; endLine?: number } {
  const match = /^(?<path>.+):(?<start>\d+)(?:-(?<end>\d+))?$/.exec(place);
  const start = Number(match?.groups?.['start']);
  const path = match?.groups?.['path'];
  if (path === undefined || !(start >= 1)) {
    throw new TiercelError(
      errorCodes.fixTheCall,
      `"${place}" is not a place. Example: src/router.ts:42, or src/router.ts:42-60`,
    );
  }
  const end = match?.groups?.['end'];
  return { path, startLine: start, ...(end === undefined ? {} : { endLine: Number(end) }) };
}

/** Waits until the text is handed over, so that a full pipe slows the queries instead of filling memory. */
function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
