/** A writer killed at seeded random moments, again and again on one store, which is opened and checked each time. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openEmbeddedStore } from '../../server/src/store/embedded.ts';
import type { VectorStore } from '../../server/src/store/types.ts';
import { batchOf, bodiesOf, isLate, pathOf, spaces, versionsAfter, wordOf } from './crash-material.ts';
import { generator, tree, vectorOf } from './material.ts';

export interface CrashOptions {
  /** An empty folder. */
  folder: string;
  /** Kills. */
  rounds: number;
  seed: number;
  /** Longest time from the first commit to the kill. */
  longestMs: number;
  /** Environment of the writer, with the place of the addon. */
  env: NodeJS.ProcessEnv;
  /** After each round that held. */
  onRound?: (round: number, acknowledged: number) => void;
}

/**
 * @param writer the bundle of crash-writer.ts
 * @returns the number of commits that were acknowledged
 * @throws AssertionError when an acknowledged commit is not there, or one that was not is there in part
 */
export async function crashRounds(writer: string, options: CrashOptions): Promise<number> {
  const { folder, rounds, seed, longestMs, env, onRound } = options;
  const directory = join(folder, 'store');
  const random = generator(seed);
  let next = 0;
  for (let round = 0; round < rounds; round++) {
    const acknowledged = await commitUntilKilled([writer, directory, String(next)], next, random() * longestMs, env);
    ok(acknowledged >= next, 'the writer acknowledged nothing');
    const store = await openEmbeddedStore({ directory, spaces });
    // The commit that was running may have happened or not; nothing in between.
    const happened = await reached(store, acknowledged + 1);
    await holds(store, acknowledged + (happened ? 1 : 0));
    await store.close();
    next = acknowledged + (happened ? 2 : 1);
    onRound?.(round, acknowledged);
  }
  return next;
}

/** Lets the child commit from `first` on, kills it `delay` ms after its first commit, gives the last it acknowledged. */
async function commitUntilKilled(
  args: string[],
  first: number,
  delay: number,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  let last = first - 1;
  lines.on('line', (line) => {
    if (last < first) setTimeout(() => child.kill('SIGKILL'), delay);
    last = Number(line);
  });
  await Promise.all([ended, once(lines, 'close')]);
  return last;
}

/** Whether commit `number` happened: its file has that version, or its vectors are there. */
async function reached(store: VectorStore, number: number): Promise<boolean> {
  const { put, vectors } = batchOf(number);
  if (put.length > 0) {
    const { files } = await store.files(tree, 1000);
    return files.some(({ path, size }) => path === pathOf(number) && size === number);
  }
  const missing = await Promise.all(
    vectors.map(({ space, keys }) => store.missing({ space, keys, limit: keys.length })),
  );
  return missing.every(({ keys }) => keys.length === 0);
}

/** Checks that the store holds exactly what commits 0 to `last` gave it, in every part of it. */
async function holds(store: VectorStore, last: number): Promise<void> {
  const expected = versionsAfter(last);
  const { files } = await store.files(tree, 1000);
  deepEqual(
    new Map(files.map(({ path, size }) => [path, size])),
    new Map([...expected].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))),
  );
  let late = 0;
  for (const [path, number] of expected) {
    const bodies = bodiesOf(number);
    const chunks = await store.chunks({ tree, path });
    deepEqual(
      chunks.map(({ payload }) => new TextDecoder().decode(payload)),
      bodies.map((body) => `payload of ${body}`),
    );
    const ids = chunks.map(({ id }) => id);
    const [hits = []] = await store.searchText({ tree, queries: [wordOf(number)], k: 1000 });
    deepEqual(
      hits.map(({ id }) => id).toSorted((a, b) => a - b),
      ids,
    );
    const waits = isLate(number) && number === last;
    if (waits) late += bodies.length;
    for (const { name, dimension } of waits ? [] : spaces) {
      const vectors = Float32Array.from(bodies.flatMap((body) => [...vectorOf(body, dimension)]));
      const near = await store.searchVectors({ tree, space: name, vectors, k: 1 });
      deepEqual(
        near.map(([best]) => best?.id),
        ids,
      );
      ok(near.every(([best]) => (best?.score ?? 0) > 0.999));
    }
  }
  const stats = await store.stats(tree);
  for (const { covered } of stats.spaces) equal(covered, stats.chunks - late);
  const current = new Set(expected.values());
  const gone = Array.from({ length: 20 }, (_, at) => last - 4 - at).filter((n) => n >= 0 && !current.has(n));
  for (const [at, hits] of (await store.searchText({ tree, queries: gone.map(wordOf), k: 10 })).entries()) {
    deepEqual(hits, [], `${wordOf(gone[at] ?? 0)} of commit ${String(gone[at])} after ${String(last)}`);
  }
}
