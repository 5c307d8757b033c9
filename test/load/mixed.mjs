/**
 * Mixed load on the real store in a process of its own: edits, removals, branch switches, searches with and without
 * filters, reopenings; watched from outside for growing memory, leaks, slower searches and wrong answers.
 *
 *   node test/load/mixed.mjs [--minutes 1] [--budget 256] [--seed 1] [--files 2000] [--chunks 8] [--dim 384]
 *                            [--json FILE] [--baseline]
 *
 * `--baseline` writes the measured speed against a plain loop into test/load/baseline.json, which later runs with the
 * same parameters are held to.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { addonEnvironment, bundled } from './bundled.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    budget: { type: 'string', default: '256' },
    seed: { type: 'string', default: '1' },
    files: { type: 'string', default: '2000' },
    chunks: { type: 'string', default: '8' },
    dim: { type: 'string', default: '384' },
    json: { type: 'string' },
    baseline: { type: 'boolean', default: false },
  },
});
const baselineFile = join(import.meta.dirname, 'baseline.json');
const env = addonEnvironment();

/** What Linux tells about a process; undefined once it has ended. */
function look(pid, at) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
    return {
      at,
      resident: number('VmRSS') * 1024,
      anonymous: number('RssAnon') * 1024,
      threads: number('Threads'),
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
    };
  } catch {
    return undefined;
  }
}

async function main(folder) {
  if (process.platform !== 'linux') throw new Error('This run reads /proc: it needs Linux.');
  const options = {
    directory: join(folder, 'store'),
    seconds: Number(values.minutes) * 60,
    budget: Number(values.budget),
    seed: Number(values.seed),
    files: Number(values.files),
    chunksPerFile: Number(values.chunks),
    dimension: Number(values.dim),
  };
  const worker = await bundled('load/mixed/worker.ts', folder);
  const { judge, speedupOf } = await import(pathToFileURL(await bundled('load/mixed/verdicts.ts', folder)).href);
  const child = spawn(process.execPath, ['--expose-gc', worker, JSON.stringify(options)], {
    // As the server is started.
    env: { MALLOC_ARENA_MAX: '2', ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const samples = [];
  const outside = [];
  let baseline;
  let result;
  let start;
  child.on('message', (message) => {
    if (message.kind === 'ready') {
      start = performance.now();
      baseline = look(child.pid, 0);
    } else if (message.kind === 'result') result = message;
    else samples.push(message);
  });
  const watch = setInterval(() => {
    const seen = start === undefined ? undefined : look(child.pid, (performance.now() - start) / 1000);
    if (seen !== undefined && Number.isFinite(seen.anonymous)) outside.push(seen);
  }, 500);
  const [code, signal] = await once(child, 'exit');
  clearInterval(watch);
  if (result === undefined) throw new Error(`the loaded process ended with ${signal ?? `code ${code}`}`);

  const { budget, files, chunksPerFile, dimension } = options;
  const parameters = { budget, files, chunksPerFile, dimension };
  const known = existsSync(baselineFile) ? JSON.parse(readFileSync(baselineFile, 'utf8')) : [];
  const key = JSON.stringify(parameters);
  const speedup = known.find((entry) => JSON.stringify(entry.parameters) === key)?.speedup;
  const budgetBytes = budget * 1024 * 1024;
  const verdicts = judge({ samples, outside, baseline, result, budgetBytes, speedup });
  for (const { name, ok, figures } of verdicts) console.log(`${ok ? 'ok      ' : 'FAILED  '} ${name}: ${figures}`);
  const last = samples.at(-1);
  const parts = last.engine.parts.map(({ name, bytes }) => `${name} ${(bytes / 2 ** 20).toFixed(1)}`).join(', ');
  console.log(`${last.vectors} vectors, ${(last.disk / 2 ** 20).toFixed(1)} MiB on disk; engine, MiB: ${parts}`);
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ options, verdicts, result, samples, outside })}\n`);
  }
  if (values.baseline) {
    const others = known.filter((entry) => JSON.stringify(entry.parameters) !== key);
    const entries = [...others, { parameters, speedup: Number(speedupOf(samples).toFixed(2)) }];
    writeFileSync(baselineFile, `${JSON.stringify(entries, undefined, 2)}\n`);
  }
  const failed = verdicts.filter(({ ok }) => !ok).length;
  console.log(`${verdicts.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

const folder = mkdtempSync(join(tmpdir(), 'tiercel-mixed-'));
try {
  process.exitCode = await main(folder);
} catch (error) {
  console.error(error.message);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
