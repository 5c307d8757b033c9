import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openEmbeddedStore } from '../../server/src/store/embedded.ts';
import type { VectorStore } from '../../server/src/store/types.ts';
import { bodiesOf, versionsAfter, wordOf } from './crash-material.ts';
import { generator, space, tree, vectorOf } from './material.ts';

const rounds = 10;
const addon = join(import.meta.dirname, '..', '..', 'dist', 'native', 'tiercel.node');
let folder = '';
let writer = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tiercel-crash-'));
  writer = join(folder, 'writer.mjs');
  const entryPoints = [join(import.meta.dirname, 'crash-writer.ts')];
  await build({ entryPoints, outfile: writer, bundle: true, platform: 'node', format: 'esm', target: 'node20' });
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Lets the child commit from `first` on, kills it `delay` ms after its first commit, gives the last it acknowledged. */
async function commitUntilKilled(directory: string, first: number, delay: number): Promise<number> {
  const env = { ...process.env, TIERCEL_NATIVE: process.env['TIERCEL_NATIVE'] ?? addon };
  const child: ChildProcess = spawn(process.execPath, [writer, directory, String(first)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  if (child.stdout === null) throw new Error('The child has no output.');
  const lines = createInterface({ input: child.stdout });
  let last = first - 1;
  lines.on('line', (line) => {
    if (last < first) setTimeout(() => child.kill('SIGKILL'), delay);
    last = Number(line);
  });
  await Promise.all([ended, once(lines, 'close')]);
  return last;
}

/** Checks that the store holds exactly the files after commit `last`, in every part of it; tells whether it does. */
async function holds(store: VectorStore, last: number): Promise<boolean> {
  const expected = versionsAfter(last);
  const { files } = await store.files(tree, 1000);
  const found = new Map(files.map(({ path, size }) => [path, size]));
  if (found.size !== expected.size || [...expected].some(([path, number]) => found.get(path) !== number)) return false;
  for (const [path, number] of expected) {
    const bodies = bodiesOf(number);
    const chunks = await store.chunks({ tree, path });
    expect(chunks.map(({ payload }) => new TextDecoder().decode(payload))).toEqual(
      bodies.map((b) => `payload of ${b}`),
    );
    const ids = chunks.map(({ id }) => id);
    const [hits = []] = await store.searchText({ tree, queries: [wordOf(number)], k: 100 });
    expect(hits.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids);
    for (const [at, body] of bodies.entries()) {
      const [near = []] = await store.searchVectors({ tree, space: space.name, vectors: vectorOf(body), k: 1 });
      expect(near[0]?.id).toBe(ids[at]);
      expect(near[0]?.score).toBeGreaterThan(0.999);
    }
  }
  const stats = await store.stats(tree);
  expect(stats.spaces[0]?.covered).toBe(stats.chunks);
  const gone = Array.from({ length: 10 }, (_, at) => last - 8 - at).filter((n) => n >= 0 && !isCurrent(expected, n));
  for (const hits of await store.searchText({ tree, queries: gone.map(wordOf), k: 10 })) expect(hits).toEqual([]);
  return true;
}

function isCurrent(versions: Map<string, number>, number: number): boolean {
  return [...versions.values()].includes(number);
}

it('holds every acknowledged commit, whole, after being killed at any moment', { timeout: 120_000 }, async () => {
  const directory = join(folder, 'store');
  const random = generator(Date.now());
  let next = 0;
  for (let round = 0; round < rounds; round++) {
    const acknowledged = await commitUntilKilled(directory, next, Math.floor(random() * 150));
    expect(acknowledged).toBeGreaterThanOrEqual(next);
    const store = await openEmbeddedStore({ directory, spaces: [space] });
    // The commit that was running may have happened or not; nothing in between.
    const happened = await holds(store, acknowledged + 1);
    expect(happened || (await holds(store, acknowledged)), `after commit ${String(acknowledged)}`).toBe(true);
    await store.close();
    next = acknowledged + (happened ? 2 : 1);
  }
});
