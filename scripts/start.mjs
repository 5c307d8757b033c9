/**
 * `npm start -- [FOLDER] [QUERY]`: from a fresh clone to search results. Installs and builds what is out of date, then
 * hands over to the command line, whose results are all that goes to standard output.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { buildIfStale, checkMachine, install } from './prepare.mjs';
import { root } from './sources.mjs';

/** npm runs scripts in the package's folder; the user's folder is in INIT_CWD. */
function absoluteFolder([folder, ...rest]) {
  if (folder === undefined) return [root];
  return folder.startsWith('-') ? [folder, ...rest] : [resolve(process.env.INIT_CWD ?? process.cwd(), folder), ...rest];
}

function runCli(args) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(root, 'dist', 'main.mjs'), 'cli', 'start', ...args], {
      stdio: 'inherit',
    });
    // Ctrl-C reaches the child as well, which then decides when to end.
    process.on('SIGINT', () => undefined);
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.once('error', fail);
    child.once('exit', (code, signal) => {
      done(code ?? 128 + constants.signals[signal]);
    });
  });
}

async function main() {
  checkMachine();
  install();
  await buildIfStale();
  return runCli(absoluteFolder(process.argv.slice(2)));
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
