/**
 * Kills processes with SIGKILL at random moments while a folder is indexed: the server, which is started again, and its
 * parse and inference processes, which it has to replace by itself. Each finished index is compared, file by file and
 * chunk by chunk, with one that was never disturbed.
 *
 *   node test/load/kill-processes.mjs FOLDER [--kills 20] [--seed 1] [--deep]
 *
 * With --deep the transformer's vectors are waited for, and its processes are among the victims. Linux only: processes
 * are found by /proc.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { processesOf } from './large/processes.mjs';

const mainFile = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'main.mjs');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    deep: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
if (folder === undefined || !existsSync(folder)) {
  console.error('usage: node test/load/kill-processes.mjs FOLDER [--kills 20] [--seed 1] [--deep]');
  process.exit(2);
}

const work = mkdtempSync(join(tmpdir(), 'tiercel-kill-'));
const queries = ['read configuration', 'parse arguments', 'error handling', 'open a file', 'main'];
/** Victims, the server as often as all others together. */
const roles = values.deep ? ['daemon', 'daemon', 'parse', 'inference'] : ['daemon', 'parse'];
const retryLater = 4;

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

const index = (home) => run(home, ['index', folder, '--json', ...(values.deep ? ['--deep'] : [])]);

/** Everything two indexes could be told apart by: every file with its chunks and vectors, counts, answers. */
async function fingerprint(home) {
  const status = JSON.parse((await run(home, ['status', folder, '--json'])).out);
  const found = await run(home, ['files', folder, '--json']);
  const answers = (await run(home, ['search', folder, '--stdin', '--json', '--limit', '20'], queries.join('\n'))).out
    .trim()
    .split('\n')
    .map((line) =>
      JSON.parse(line)
        .hits.map(({ path, startLine, endLine }) => `${path}:${startLine}-${endLine}`)
        .sort(),
    );
  const { files, chunks, coverage, notes, languages } = status;
  const contents = createHash('sha256').update(found.out).digest('hex');
  return JSON.stringify({ contents, files, chunks, coverage, notes: notes.counts, languages, answers });
}

/** Kills one process of the role. @returns whether there was one */
function kill(home, role, next) {
  const found = processesOf(mainFile, home).filter((process) => process.role === role);
  if (found.length === 0) return false;
  try {
    process.kill(found[Math.floor(next() * found.length)].pid, 'SIGKILL');
    return true;
  } catch {
    // It ended by itself.
    return false;
  }
}

let failed = 0;
const told = { daemon: 0, parse: 0, inference: 0 };
try {
  const calm = join(work, 'calm');
  const start = performance.now();
  const first = await index(calm);
  if (first.code !== 0) throw new Error(first.err);
  const whole = performance.now() - start;
  const expected = await fingerprint(calm);
  await run(calm, ['stop']);

  const home = join(work, 'killed');
  const next = random(Number(values.seed));
  const kills = Number(values.kills);
  let finished = 0;
  let under;
  const compare = async () => {
    finished += 1;
    const got = await fingerprint(home);
    if (got === expected) return;
    failed += 1;
    console.log(`   the finished index differs from an undisturbed one\n   expected ${expected}\n   got      ${got}`);
  };
  for (let i = 0; i < kills;) {
    under ??= index(home);
    const ended = await Promise.race([under, delay(100 + next() * whole * 0.7)]);
    if (ended !== undefined) {
      under = undefined;
      if (ended.code === 0) {
        await compare();
        // Begin again, so that every kill meets work.
        await run(home, ['stop']);
        rmSync(home, { recursive: true, force: true });
      } else if (ended.code !== retryLater) {
        failed += 1;
        console.log(`   unexpected end: ${ended.err}`);
      }
      continue;
    }
    const role = roles[Math.floor(next() * roles.length)];
    if (!kill(home, role, next)) continue;
    i += 1;
    told[role] += 1;
  }
  const disturbed = await under;
  const last = disturbed?.code === 0 ? disturbed : await index(home);
  if (last.code !== 0) throw new Error(last.err);
  await compare();
  await run(home, ['stop']);
  console.log(
    `killed: server ${told.daemon}, parse processes ${told.parse}, inference processes ${told.inference}; ` +
      `${finished} finished indexes compared`,
  );
  console.log(`${Math.max(0, kills + 1 - failed)} passed, ${failed} failed`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
