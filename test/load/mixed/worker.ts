/** The loaded process: one writer and two searchers on one store, with samples of itself on the way. */
import { setTimeout as delay } from 'node:timers/promises';
import { isRetryable, messageOf } from '../../../protocol/errors.ts';
import { resolveEngineSettings, thisMachine } from '../../../server/src/settings/engine.ts';
import { resolveSettings } from '../../../server/src/settings/index.ts';
import { applyEngineSettings, memoryStatus } from '../../../server/src/store/engine.ts';
import { openEmbeddedStore } from '../../../server/src/store/embedded.ts';
import { type CommitBatch, type Filter, type VectorStore, hashBytes } from '../../../server/src/store/types.ts';
import { generator, joined, keyOf } from '../../contract/material.ts';
import { Latencies, scalarScan } from './latencies.ts';
import type { LoadMessage, LoadOptions } from './messages.ts';
import { Tree, versions } from './tree.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions;
const { directory, dimension, seed } = options;
const root = '/loaded/tree';
const space = 'instant:load';
const reopenEveryMs = 8000;
const sampleMs = 1000;
const shownWrong = 20;

const tree = new Tree(options.files, options.chunksPerFile, dimension, seed);
const random = generator(seed + 1);
const below = (limit: number): number => Math.floor(random() * limit);
const search = new Latencies();
const text = new Latencies();
const commits = new Latencies();
const wrong: string[] = [];
let wrongCount = 0;
let refusals = 0;
let reopenings = 0;
let store: VectorStore;
/** Set while the store is being opened again: searches wait for it. */
let reopening: Promise<void> | undefined;
/** Per file, counted at the begin and the end of each change: odd while one is on its way, when either version may be found. */
const changes = new Int32Array(tree.files);
let stopped = false;

function send(message: LoadMessage): void {
  process.send?.(message);
}

function complain(what: string): void {
  wrongCount++;
  if (wrong.length < shownWrong) wrong.push(what);
}

const open = (): Promise<VectorStore> => openEmbeddedStore({ directory, spaces: [{ name: space, dimension }] });

async function commit(batch: CommitBatch): Promise<void> {
  for (;;) {
    try {
      await commits.measure(() => store.commit(batch));
      return;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      refusals++;
      await delay(Math.min(error.retryAfterMs ?? 100, 1000));
    }
  }
}

/** Commits versions of files (-1 removes) with the vectors that are missing, and waits when memory is short. */
async function apply(next: Map<number, number>): Promise<void> {
  const put = [...next].filter(([, version]) => version >= 0).map(([file, version]) => tree.record(file, version));
  const remove = [...next].filter(([, version]) => version < 0).map(([file]) => tree.path(file));
  const chunks = put.flatMap((file) => file.chunks);
  const texts = new Map(chunks.map(({ key, body }) => [Buffer.from(key).toString('hex'), body]));
  const { keys } = await store.missing({ space, keys: joined(chunks.map(({ key }) => key)), limit: chunks.length });
  const vectors = new Float32Array((keys.length / hashBytes) * dimension);
  for (let at = 0; at * hashBytes < keys.length; at++) {
    const key = Buffer.from(keys.subarray(at * hashBytes, (at + 1) * hashBytes)).toString('hex');
    vectors.set(tree.vector(texts.get(key) ?? ''), at * dimension);
  }
  for (const file of next.keys()) changes[file] = (changes[file] ?? 0) + 1;
  const batch = { tree: root, put, remove, vectors: keys.length === 0 ? [] : [{ space, keys, vectors }] };
  await commit(batch);
  for (const [file, version] of next) {
    tree.current[file] = version;
    changes[file] = (changes[file] ?? 0) + 1;
  }
}

/** Commits the vectors of every version of every file, so that what follows brings nothing new: only then is growth a leak. */
async function embedAllVersions(): Promise<void> {
  const texts = new Set<string>();
  for (let file = 0; file < tree.files; file++) {
    for (let version = 0; version < versions; version++) for (const one of tree.texts(file, version)) texts.add(one);
  }
  const all = [...texts];
  for (let first = 0; first < all.length; first += 2000) {
    const some = all.slice(first, first + 2000);
    const vectors = new Float32Array(some.length * dimension);
    some.forEach((one, at) => {
      vectors.set(tree.vector(one), at * dimension);
    });
    await commit({ tree: root, put: [], remove: [], vectors: [{ space, keys: joined(some.map(keyOf)), vectors }] });
  }
}

function someFiles(least: number, most: number, pass: (version: number) => boolean): number[] {
  const wanted = least + below(most - least);
  const found = new Set<number>();
  for (let tries = 0; tries < wanted * 4 && found.size < wanted; tries++) {
    const file = below(tree.files);
    if (pass(tree.current[file] ?? -1)) found.add(file);
  }
  return [...found];
}

/** One change as a person or a git checkout makes it. */
function change(): Map<number, number> {
  const kind = random();
  const present = (version: number): boolean => version >= 0;
  if (kind < 0.45) return new Map(someFiles(3, 25, present).map((file) => [file, below(versions)]));
  if (kind < 0.65) return new Map(someFiles(3, 15, present).map((file) => [file, -1]));
  if (kind < 0.85) {
    return new Map(someFiles(3, 40, (version) => version < 0).map((file) => [file, below(versions)]));
  }
  const first = below(tree.files);
  const branch = below(2);
  const span = Math.min(80, tree.files);
  return new Map(Array.from({ length: span }, (_, at) => [(first + at) % tree.files, branch]));
}

async function write(until: number): Promise<void> {
  let reopenAt = performance.now() + reopenEveryMs;
  while (performance.now() < until) {
    const next = change();
    if (next.size > 0) await apply(next);
    if (performance.now() > reopenAt) {
      reopening = reopen();
      await reopening;
      reopening = undefined;
      reopenAt = performance.now() + reopenEveryMs;
    }
    await delay(10);
  }
}

async function reopen(): Promise<void> {
  await store.close();
  store = await open();
  reopenings++;
}

const filters: (() => { filter: Filter; passes: (file: number) => boolean } | undefined)[] = [
  () => undefined,
  () => undefined,
  () => ({ filter: { languages: ['go'] }, passes: (file) => tree.language(file) === 'go' }),
  () => ({ filter: { paths: ['src/**', 'docs/*'] }, passes: (file) => /^(src|docs)\//.test(tree.path(file)) }),
];

async function searchOnce(): Promise<void> {
  const file = below(tree.files);
  const version = tree.current[file] ?? -1;
  const before = changes[file];
  const wanted = tree.text(file, Math.max(version, 0), below(options.chunksPerFile));
  const limited = filters[below(filters.length)]?.();
  const vectors = tree.vector(wanted).map((x) => x + (random() - 0.5) * 0.05);
  const query = { tree: root, space, vectors, k: 10, ...(limited === undefined ? {} : { filter: limited.filter }) };
  const [hits = []] = await search.measure(() => store.searchVectors(query));
  const found = await store.chunks({ ids: Float64Array.from(hits, ({ id }) => id) });
  if (hits.some(({ score }, at) => at > 0 && score > (hits[at - 1]?.score ?? 0))) complain('hits out of order');
  if (limited !== undefined && found.some(({ path }) => !limited.passes(fileOf(path))))
    complain('a filter let through');
  const settled = changes[file] === before && before !== undefined && before % 2 === 0;
  if (version < 0 || !settled || limited?.passes(file) === false) return;
  const [best] = found;
  if (best === undefined || new TextDecoder().decode(best.payload) !== wanted || (hits[0]?.score ?? 0) < 0.98) {
    complain(`not found: ${wanted}, but ${best === undefined ? 'nothing' : new TextDecoder().decode(best.payload)}`);
  }
}

function fileOf(path: string): number {
  return Number(/f(\d+)\.src$/.exec(path)?.[1]);
}

async function keepSearching(): Promise<void> {
  while (!stopped) {
    await reopening;
    try {
      await searchOnce();
      if (random() < 0.2) {
        await text.measure(() =>
          store.searchText({ tree: root, queries: [`symbol${String(below(tree.files))}`], k: 10 }),
        );
      }
    } catch (error) {
      // A search that was on its way while the store closed.
      if (reopening === undefined) complain(`a search failed: ${messageOf(error)}`);
    }
    await delay(1);
  }
}

async function sample(start: number): Promise<void> {
  await reopening;
  const stats = await store.stats(root);
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const { pressure, level, used, budget, parts } = memoryStatus();
  const vectors = stats.spaces[0]?.vectors ?? 0;
  send({
    kind: 'sample',
    at: (performance.now() - start) / 1000,
    heap: heapUsed,
    external,
    resources: process.getActiveResourcesInfo().length,
    engine: { pressure, level, used, budget, parts },
    disk: stats.bytesOnDisk,
    vectors,
    search: search.take(),
    text: text.take(),
    commit: commits.take(),
    scalar: scalarScan(vectors, dimension),
  });
}

async function keepSampling(start: number): Promise<void> {
  while (!stopped) {
    await delay(sampleMs);
    await sample(start).catch((error: unknown) => {
      if (reopening === undefined) complain(`no sample: ${messageOf(error)}`);
    });
  }
}

/** The store holds what it was given, in all parts. */
async function check(): Promise<void> {
  const known = new Map<string, number>();
  for (let after: string | undefined; ;) {
    const page = await store.files(root, 1000, after);
    for (const { path, size } of page.files) known.set(path, size);
    after = page.next;
    if (after === undefined) break;
  }
  const expected = [...tree.current.entries()].filter(([, version]) => version >= 0);
  if (known.size !== expected.length) complain(`${String(known.size)} files, not ${String(expected.length)}`);
  for (const [file, version] of expected) {
    if (known.get(tree.path(file)) !== version) complain(`${tree.path(file)} is not of version ${String(version)}`);
  }
  const { paths } = await store.missing({ space, tree: root, limit: 10 });
  if (paths.length > 0) complain(`vectors are missing: ${paths.join(', ')}`);
}

applyEngineSettings(
  resolveEngineSettings([resolveSettings({ memory: { budget: options.budget } }).settings], thisMachine()),
);
store = await open();
send({ kind: 'ready' });
const start = performance.now();
for (let first = 0; first < tree.files; first += 100) {
  await apply(new Map(Array.from({ length: Math.min(100, tree.files - first) }, (_, at) => [first + at, 0])));
}
await embedAllVersions();
const until = start + options.seconds * 1000;
const others = [keepSearching(), keepSearching(), keepSampling(start)];
await write(until);
stopped = true;
await Promise.all(others);
await reopen();
await check();
const result = { commits: commits.count, searches: search.count, reopenings, refusals, wrong, wrongCount };
await store.close();
send({ kind: 'result', ...result, engineAfterClose: memoryStatus().used });
process.disconnect();
