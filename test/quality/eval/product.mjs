/** The built product, as the evaluation uses it: a language server over its standard input, or the command line. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createProtocolConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-languageserver/node';

const mainFile = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'dist', 'main.mjs');

/** Runs a command of the command line; gives its standard output. */
export function tiercel(home, args, input = '') {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, TIERCEL_HOME: home };
    const child = spawn(process.execPath, [mainFile, ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const out = [];
    child.stdout.on('data', (part) => out.push(part));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(new Error(`tiercel ${args.join(' ')} ended with ${code}`));
    });
    child.stdin.end(input);
  });
}

/** A language client: `search(params)` and `similar(params)` give the results of those requests. */
export async function languageClient(home) {
  const env = { ...process.env, TIERCEL_HOME: home };
  const child = spawn(process.execPath, [mainFile, 'lsp', '--stdio'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
  await connection.sendNotification('initialized', {});
  return {
    search: (params) => connection.sendRequest('tiercel/search', params),
    similar: (params) => connection.sendRequest('tiercel/similar', params),
    close: async () => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      await connection.sendRequest('shutdown');
      await connection.sendNotification('exit');
      connection.end();
      await ended;
      connection.dispose();
    },
  };
}

/** The same answers through the command line: one call per folder and way of asking, a query per line. */
export async function commandLine(home, folder, params, texts) {
  const flags = [
    ...['--limit', String(params.limit)],
    ...(params.lanes === undefined ? [] : ['--lanes', ...params.lanes]),
    ...(params.ranker === undefined ? [] : ['--ranker', params.ranker]),
  ];
  const input = texts.map((text) => `${text.replaceAll(/\s+/g, ' ')}\n`).join('');
  const out = await tiercel(home, ['search', folder, '--stdin', '--json', ...flags], input);
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
