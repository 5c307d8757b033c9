/**
 * Opens a large real tree as an editor does and measures what a user would notice.
 *
 *   node test/load/large.mjs [--files 50000] [--tree FOLDER] [--idle 60] [--settings JSON] [--no-git] [--keep]
 *
 * FOLDER is made if it is not there (a tree of that many files) and kept. Build first. Linux only: processes are looked
 * at by /proc.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createProtocolConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-languageserver/node';
import { cpuSeconds, endedChildrenSeconds, peakBytes, processesOf } from './large/processes.mjs';
import { assemble, commitAll, writeMarker } from './large/tree.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const mainFile = join(root, 'dist', 'main.mjs');
const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '50000' },
    tree: { type: 'string' },
    idle: { type: 'string', default: '60' },
    settings: { type: 'string', default: '{}' },
    git: { type: 'boolean', default: true },
    keep: { type: 'boolean', default: false },
    saves: { type: 'string', default: '40' },
  },
  allowNegative: true,
});

const work = mkdtempSync(join(tmpdir(), 'tiercel-large-'));
const home = join(work, 'home');
const loops = join(work, 'loops');
mkdirSync(loops, { recursive: true });
const tree = values.tree ?? join(work, 'tree');
const queries = [
  'parse a configuration file',
  'open a tcp connection with a timeout',
  'hash map insertion',
  'regular expression compiler',
  'write bytes to a buffered stream',
  'read_to_string',
  'how are errors converted between types',
  'utf-8 decoding',
  'sort a slice',
  'spawn a child process',
];

const seconds = (milliseconds) => (milliseconds / 1000).toFixed(1);
const mebibytes = (bytes) => Math.round(bytes / 2 ** 20);
const percentile = (list, share) =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))];

async function client() {
  const child = spawn(process.execPath, [mainFile, 'lsp', '--stdio'], {
    env: {
      ...process.env,
      TIERCEL_HOME: home,
      EVENT_LOOP_FOLDER: loops,
      NODE_OPTIONS: `--import=${pathToFileURL(join(root, 'test/load/large/event-loop.mjs')).href}`,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  await connection.sendRequest('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: { workspace: { workspaceFolders: true } },
    initializationOptions: JSON.parse(values.settings),
    workspaceFolders: [{ uri: pathToFileURL(tree).href, name: 'large' }],
  });
  await connection.sendNotification('initialized', {});
  return connection;
}

async function loopDelays() {
  writeFileSync(join(loops, 'write'), '');
  for (let tries = 0; tries < 100; tries++) {
    const [file] = readdirSync(loops).filter((name) => name.endsWith('.json'));
    if (file !== undefined) return JSON.parse(readFileSync(join(loops, file), 'utf8'));
    await delay(100);
  }
  throw new Error('The server does not tell of its event loop.');
}

async function followIndexing(connection, started, peaks) {
  const times = {};
  const latencies = [];
  const marks = [0.5, 0.9];
  for (let at = 0; ; at++) {
    const sent = performance.now();
    const { coverage } = await connection.sendRequest('tiercel/search', {
      folder: tree,
      query: queries[at % queries.length],
    });
    latencies.push(performance.now() - sent);
    const now = performance.now() - started;
    times.firstAnswer ??= now;
    for (const mark of marks) if (coverage.lexical >= mark) times[`words ${mark * 100}%`] ??= now;
    if (coverage.lexical === 1) times.words ??= now;
    for (const { pid, role } of processesOf(mainFile, home)) {
      peaks.set(role, Math.max(peaks.get(role) ?? 0, peakBytes(pid)));
    }
    if (at % 8 === 0 || coverage.lexical === 1) {
      const status = await connection.sendRequest('tiercel/status', { folder: tree });
      if (status.phase === 'failed') throw new Error(status.error);
      if (status.phase === 'ready' && status.coverage.lexical === 1 && status.coverage.instant === 1) {
        times.vectors = performance.now() - started;
        return { times, latencies, status };
      }
    }
    await delay(200);
  }
}

/** Saves files and asks until the new content is found. */
async function saves(connection, count) {
  const latencies = [];
  for (let at = 0; at < count; at++) {
    const word = `zyxwv${at}q${Math.floor(Math.random() * 1e9)}`;
    const path = `saved/place${at % 7}.ts`;
    writeMarker(tree, path, `/** Answers ${word}. */\nexport function ${word}(): string {\n  return '${word}';\n}\n`);
    const saved = performance.now();
    for (;;) {
      const { hits } = await connection.sendRequest('tiercel/search', { folder: tree, query: word, limit: 3 });
      if (hits.some((hit) => hit.snippet.includes(word))) break;
      if (performance.now() - saved > 30_000) throw new Error(`${word} is not found within 30 s`);
      await delay(10);
    }
    latencies.push(performance.now() - saved);
    await delay(150);
  }
  rmSync(join(tree, 'saved'), { recursive: true });
  return latencies;
}

async function idle(secondsLong) {
  const before = processesOf(mainFile, home).map(({ pid, role }) => ({
    pid,
    role,
    own: cpuSeconds(pid),
    children: endedChildrenSeconds(pid),
  }));
  await delay(secondsLong * 1000);
  const shares = {};
  const add = (name, used) => {
    shares[name] = (shares[name] ?? 0) + Math.max(0, used) / secondsLong;
  };
  for (const { pid, role, own, children } of before) {
    add(role, cpuSeconds(pid) - own);
    // Git, and whatever of our own ended meanwhile with all it used in its life.
    if (role === 'daemon') add('ended children of daemon', endedChildrenSeconds(pid) - children);
  }
  return shares;
}

try {
  if (!existsSync(tree)) {
    const made = assemble(root, tree, Number(values.files));
    if (values.git) commitAll(tree);
    console.log(`assembled ${made.files} files`);
  }
  const started = performance.now();
  const connection = await client();
  const peaks = new Map();
  const { times, latencies, status } = await followIndexing(connection, started, peaks);
  const delays = await loopDelays();
  console.log(`${status.files} files with ${status.chunks} chunks, ${mebibytes(status.bytesOnDisk)} MiB on disk`);
  for (const [name, time] of Object.entries(times)) console.log(`time to ${name}: ${seconds(time)} s`);
  console.log(
    `queries while indexing (${latencies.length}): p50 ${percentile(latencies, 0.5).toFixed(0)} ms, p99 ${percentile(latencies, 0.99).toFixed(0)} ms, max ${Math.max(...latencies).toFixed(0)} ms`,
  );
  console.log(
    `event loop of the server: p50 ${delays.p50.toFixed(1)} ms, p99 ${delays.p99.toFixed(1)} ms, max ${delays.max.toFixed(0)} ms (${delays.count} samples)`,
  );
  for (const [role, bytes] of peaks) console.log(`peak memory of ${role}: ${mebibytes(bytes)} MiB`);
  if (Number(values.saves) > 0) {
    const found = await saves(connection, Number(values.saves));
    console.log(
      `save to found (${found.length}): p50 ${percentile(found, 0.5).toFixed(0)} ms, p95 ${percentile(found, 0.95).toFixed(0)} ms, max ${Math.max(...found).toFixed(0)} ms`,
    );
  }
  // The tail of the work (merging of segments, processes that end when idle) is no idleness.
  await delay(45_000);
  const shares = await idle(Number(values.idle));
  for (const [role, share] of Object.entries(shares)) {
    console.log(`idle processor of ${role}: ${(share * 100).toFixed(2)}% of a core`);
  }
  await connection.sendRequest('tiercel/shutdownServer', {});
} finally {
  if (!values.keep) rmSync(work, { recursive: true, force: true });
}
process.exit();
