/**
 * Runs extract.mjs over all checked-out repositories, each in a process of its own: a grammar may not survive what it
 * reads.
 *
 *   node models/training/extract-all.mjs --checkouts FOLDER --out FOLDER [--processes N]
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleChunker } from './chunker.mjs';

const program = join(dirname(fileURLToPath(import.meta.url)), 'extract.mjs');
const longestRun = 600_000;

const { values: options } = parseArgs({
  options: {
    checkouts: { type: 'string' },
    out: { type: 'string' },
    processes: { type: 'string', default: '1' },
  },
});
if (options.checkouts === undefined || options.out === undefined) {
  console.error('usage: node extract-all.mjs --checkouts FOLDER --out FOLDER [--processes N]');
  process.exit(2);
}

function extract(name) {
  const part = join(options.out, `${name}.part`);
  return new Promise((done) => {
    const child = spawn(process.execPath, [program, join(options.checkouts, name), part], {
      stdio: 'inherit',
      timeout: longestRun,
    });
    child.once('exit', (code, signal) => {
      if (code === 0) {
        renameSync(part, join(options.out, `${name}.jsonl`));
      } else {
        console.error(`${name}: ended with ${signal ?? code}`);
      }
      done();
    });
  });
}

await bundleChunker();
mkdirSync(options.out, { recursive: true });
const names = readFileSync(join(options.checkouts, 'READY'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split('\t')[1].replace('/', '+'))
  .filter((name) => !existsSync(join(options.out, `${name}.jsonl`)));
await Promise.all(
  Array.from({ length: Number(options.processes) }, async () => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      await extract(name);
    }
  }),
);
