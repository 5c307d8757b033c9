/**
 * Kills the server with SIGKILL at random moments while it indexes, starts it again each time, and compares the finished
 * index with one that was never disturbed.
 *
 *   node test/load/kill-server.mjs FOLDER [--kills 20] [--seed 1]
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const mainFile = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'main.mjs');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kills: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
});
const [folder] = positionals;
if (folder === undefined || !existsSync(folder)) {
  console.error('usage: node test/load/kill-server.mjs FOLDER [--kills 20] [--seed 1]');
  process.exit(2);
}

const work = mkdtempSync(join(tmpdir(), 'tiercel-kill-'));
const queries = ['read configuration', 'parse arguments', 'error handling', 'open a file', 'main'];

/** mulberry32: the kill moments can be repeated from the seed. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function run(home, args, input = '') {
  const child = spawn(process.execPath, [mainFile, ...args], {
    env: { ...process.env, TIERCEL_HOME: home },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out = [];
  const err = [];
  child.stdout.on('data', (part) => out.push(part));
  child.stderr.on('data', (part) => err.push(part));
  child.stdin.end(input);
  return new Promise((resolve) => {
    child.once('close', (code) =>
      resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }),
    );
  });
}

function serverPid(home) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (
        args.includes(mainFile) &&
        args.includes('daemon') &&
        readFileSync(`/proc/${pid}/environ`, 'utf8').includes(home)
      ) {
        return Number(pid);
      }
    } catch {
      // The process ended between listing and reading.
    }
  }
  return undefined;
}

/** Everything a user could tell two indexes apart by: counts, notes, and the answers to a few questions. */
async function fingerprint(home) {
  const status = JSON.parse((await run(home, ['status', folder, '--json'])).out);
  const answers = (await run(home, ['search', folder, '--stdin', '--json', '--limit', '20'], queries.join('\n'))).out
    .trim()
    .split('\n')
    .map((line) =>
      JSON.parse(line)
        .hits.map(({ path, startLine, endLine }) => `${path}:${startLine}-${endLine}`)
        .sort(),
    );
  const { files, chunks, coverage, notes, languages } = status;
  return JSON.stringify({ files, chunks, coverage, notes: notes.counts, languages, answers });
}

let failed = 0;
try {
  const calm = join(work, 'calm');
  const start = performance.now();
  const first = await run(calm, ['index', folder, '--json']);
  if (first.code !== 0) throw new Error(first.err);
  const whole = performance.now() - start;
  const expected = await fingerprint(calm);
  await run(calm, ['stop']);

  const home = join(work, 'killed');
  const next = random(Number(values.seed));
  for (let i = 1; i <= Number(values.kills); i += 1) {
    const indexing = run(home, ['index', folder]);
    const moment = 150 + next() * whole;
    const timer = setTimeout(() => {
      const pid = serverPid(home);
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    }, moment);
    const { code, err } = await indexing;
    clearTimeout(timer);
    const status = await run(home, ['status', folder, '--json']);
    const state = status.code === 0 ? JSON.parse(status.out) : { files: 0, chunks: 0 };
    console.log(
      `${i}: killed at ${Math.round(moment)} ms, index ended with ${code}; reopened: ${state.files} files, ${state.chunks} chunks`,
    );
    if (status.code !== 0 && status.code !== 3) {
      failed += 1;
      console.log(`   status failed: ${status.err}`);
    }
    if (code !== 0 && code !== 4) {
      failed += 1;
      console.log(`   unexpected end: ${err}`);
    }
    if (code === 0) {
      // Finished before the kill: begin again, so that every kill meets work.
      if ((await fingerprint(home)) !== expected) {
        failed += 1;
        console.log('   the finished index differs from an undisturbed one');
      }
      await run(home, ['stop']);
      rmSync(home, { recursive: true, force: true });
    }
  }
  const last = await run(home, ['index', folder, '--json']);
  if (last.code !== 0) throw new Error(last.err);
  const got = await fingerprint(home);
  if (got !== expected) {
    failed += 1;
    console.log(`expected ${expected}\ngot      ${got}`);
  }
  await run(home, ['stop']);
  console.log(`${Number(values.kills) + 1 - failed} passed, ${failed} failed`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
