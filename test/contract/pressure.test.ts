/** What the engine does when it may not take more: writers are told to wait, readers notice nothing, and it passes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveEngineSettings, thisMachine, type ResolvedEngineSettings } from '../../server/src/settings/engine.ts';
import { applyEngineSettings, memoryStatus } from '../../server/src/store/engine.ts';
import { openEmbeddedStore } from '../../server/src/store/embedded.ts';
import type { FileRecord, VectorStore } from '../../server/src/store/types.ts';
import { corpus, space, tree, vectorOf, vectorsOf } from './material.ts';

const mebibyte = 1024 * 1024;
const defaults = resolveEngineSettings([], thisMachine());
const refused = { name: 'TiercelError', code: 'MemoryPressure', retryAfterMs: expect.any(Number) as number };

let directory = '';
let store: VectorStore;

const configure = (changes: Partial<ResolvedEngineSettings> = {}): void => {
  applyEngineSettings({ ...defaults, ...changes });
};

const batchOf = (files: FileRecord[]) => ({
  tree,
  put: files,
  remove: [],
  vectors: [vectorsOf(files.flatMap(({ chunks }) => chunks))],
});

/** Files with paths of their own. */
const filesOf = (count: number, seed: number): FileRecord[] =>
  corpus(count, seed).map((made) => ({ ...made, path: `s${String(seed)}/${made.path}` }));

const nearest = async (): Promise<number[]> => {
  const query = { tree, space: space.name, vectors: vectorOf('anything'), k: 10 };
  return ((await store.searchVectors(query))[0] ?? []).map(({ id }) => id);
};

/** Waits for a condition that the engine's own thread brings about. */
async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

beforeEach(async () => {
  configure();
  directory = await mkdtemp(join(tmpdir(), 'tiercel-pressure-'));
  store = await openEmbeddedStore({ directory, spaces: [space] });
});

afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true });
  configure();
});

/** Commits until the store refuses, then checks what must hold while it does, and that it passes. */
async function refusesAndRecovers(limit: () => Promise<void> | void, lift: () => Promise<void> | void): Promise<void> {
  const first = filesOf(200, 1);
  await store.commit(batchOf(first));
  const found = await nearest();
  await limit();
  const second = batchOf(filesOf(200, 2));
  await expect(store.commit(second)).rejects.toMatchObject(refused);
  const { generation, chunks } = await store.stats(tree);
  expect({ generation, chunks }).toEqual({ generation: 1, chunks: 200 });
  // Readers work, and so does removing.
  expect(await nearest()).toEqual(found);
  expect((await store.searchText({ tree, queries: ['babak'], k: 5 }))[0]).toHaveLength(5);
  const gone = first[0]?.path ?? '';
  expect(await store.commit({ tree, put: [], remove: [gone], vectors: [] })).toMatchObject({ generation: 2 });
  await expect(store.commit(second)).rejects.toMatchObject(refused);
  await lift();
  await until('the same batch is taken', async () => {
    try {
      await store.commit(second);
      return true;
    } catch (error) {
      expect(error).toMatchObject(refused);
      return false;
    }
  });
  const after = await store.stats(tree);
  expect(after.chunks).toBe(400 - (first[0]?.chunks.length ?? 0));
  expect(after.spaces[0]?.covered).toBe(after.chunks);
}

describe('a limit that is reached', () => {
  it('of vectors: writers wait until it is raised, readers go on', async () => {
    await refusesAndRecovers(
      () => {
        configure({ maxVectors: 250 });
      },
      () => {
        configure({ maxVectors: 100_000 });
      },
    );
  });

  it('of memory: caches go, writers wait, and all of it comes back', async () => {
    await refusesAndRecovers(
      () => {
        configure({ memoryBudget: mebibyte });
        const { pressure, level, cause, alerts } = memoryStatus();
        expect({ level, cause: cause !== '' }).toEqual({ level: 'refuse-writes', cause: true });
        expect(pressure).toBeGreaterThan(0.8);
        expect(alerts.at(-1)).toMatchObject({ level: 'refuse-writes' });
      },
      async () => {
        configure();
        await until('the pressure falls', () => memoryStatus().level !== 'refuse-writes');
      },
    );
    await until('everything is as before', () => memoryStatus().level === 'normal');
    const { alerts, budget, used } = memoryStatus();
    expect(budget).toBe(defaults.memoryBudget);
    expect(used).toBeLessThan(budget);
    const sequences = alerts.map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    expect(memoryStatus(sequences.at(-1)).alerts).toEqual([]);
  });

  it('of the disk: writers wait while everything is in use, and go on once there is room', async () => {
    const refusing = async (): Promise<void> => {
      configure({ diskBudget: 1024 });
      await until('the store notices', async () => {
        const probe = filesOf(1, 3);
        return store.commit(batchOf(probe)).then(
          async () => {
            await store.commit({ tree, put: [], remove: probe.map(({ path }) => path), vectors: [] });
            return false;
          },
          () => true,
        );
      });
    };
    await store.commit(batchOf(filesOf(200, 1)));
    await refusing();
    const found = await nearest();
    await expect(store.commit(batchOf(filesOf(50, 2)))).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('tiercel.disk.budget') as string,
    });
    expect(await nearest()).toEqual(found);
    configure();
    await until('the batch is taken', () =>
      store.commit(batchOf(filesOf(50, 2))).then(
        () => true,
        () => false,
      ),
    );
  });
});

describe('the engine', () => {
  it('tells what holds its memory, and gives it back when a store is closed', async () => {
    await store.commit(batchOf(filesOf(2000, 1)));
    await nearest();
    const open = memoryStatus();
    expect(open.parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(0);
    expect(open.used).toBeGreaterThan(0);
    expect(open.tiers.map((tier) => tier.class)).toEqual(['1-bit codes', '4-bit planes', 'int8 codes', 'f16 vectors']);
    expect(open).toMatchObject({ policy: 'w-tinylfu', kernel: expect.stringMatching(/./) as string });
    const [figures] = (await store.stats(tree)).spaces;
    expect(figures).toMatchObject({ index: 'int8', cells: 0, unreferenced: 0 });
    expect(figures?.bytesOnDisk).toBeGreaterThan(2000 * space.dimension);
    await store.close();
    expect(memoryStatus().used).toBeLessThan(open.used);
    store = await openEmbeddedStore({ directory, spaces: [space] });
    expect(await nearest()).toHaveLength(10);
  });

  it('counts vectors that no file refers to', async () => {
    const files = filesOf(100, 1);
    await store.commit(batchOf(files));
    await store.commit({ tree, put: [], remove: files.map(({ path }) => path), vectors: [] });
    const [figures] = (await store.stats(tree)).spaces;
    expect(figures?.unreferenced).toBe(figures?.vectors);
    expect(figures?.unreferenced).toBeGreaterThan(0);
  });

  it.each(['lru', 'lfu', 's3-fifo', 'w-tinylfu'] as const)('keeps pages by %s when asked', async (policy) => {
    configure({ policy });
    expect(memoryStatus().policy).toBe(policy);
    await store.commit(batchOf(filesOf(100, 1)));
    expect(await nearest()).toHaveLength(10);
  });
});
