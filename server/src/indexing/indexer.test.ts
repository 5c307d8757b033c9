import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IndexProgress } from '../../../protocol/status.ts';
import { createChunker } from '../chunking/pool.ts';
import type { Chunker } from '../chunking/types.ts';
import { openInstantEmbedder } from '../inference/instant.ts';
import { createLogger } from '../logging/logger.ts';
import { resolveEngineSettings, thisMachine } from '../settings/engine.ts';
import { modelsDirectory } from '../settings/paths.ts';
import { applyEngineSettings } from '../store/engine.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import type { VectorStore } from '../store/types.ts';
import type { Workspace } from '../workspace/types.ts';
import { openWorkspace } from '../workspace/workspace.ts';
import { Indexer } from './indexer.ts';
import type { Lane } from './lane.ts';

const mainFile = resolve(import.meta.dirname, '../../../dist/main.mjs');
const never = new AbortController().signal;

let base: string;
let workspace: Workspace;
let store: VectorStore;
let chunker: Chunker;
let instant: Lane;
let indexer: Indexer;

function write(path: string, text: string): void {
  const file = join(base, 'tree', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const functionNamed = (name: string): string =>
  `/** About ${name}. */\nexport function ${name}(a: number) {\n${`  a += ${name}.length;\n`.repeat(8)}  return a;\n}\n`;

async function paths(): Promise<string[]> {
  return (await store.files(workspace.root, 1000)).files.map(({ path }) => path);
}

beforeEach(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'tiercel-indexer-')));
  write('a.ts', functionNamed('alpha') + functionNamed('beta'));
  write('b.ts', functionNamed('gamma'));
  const embedder = await openInstantEmbedder(join(modelsDirectory(), 'instant-v2'));
  instant = { name: 'instant', embedder, space: 'instant:test' };
  store = await openEmbeddedStore({
    directory: join(base, 'index'),
    spaces: [{ name: instant.space, dimension: embedder.model.dimension }],
  });
  workspace = await openWorkspace({ root: join(base, 'tree'), exclude: [], maxFileBytes: 1 << 20 });
  chunker = createChunker({ processes: 1, command: { file: process.execPath, args: [mainFile, 'parse'] } });
  indexer = new Indexer({ workspace, store, chunker, instant, logger: createLogger({}), concurrency: 4 });
});

afterEach(async () => {
  await indexer.close();
  await chunker.close();
  await workspace.close();
  await store.close();
  await instant.embedder.close();
  rmSync(base, { recursive: true, force: true });
});

async function indexAll(): Promise<{ filesChanged: number; embedded: number }> {
  indexer.rescan('test');
  return indexer.whenComplete(false, never);
}

describe('indexing', () => {
  test('takes every file, then finds nothing to do', async () => {
    expect(await indexAll()).toEqual({ filesChanged: 2, embedded: 3 });
    expect(await paths()).toEqual(['a.ts', 'b.ts']);
    expect(await indexAll()).toEqual({ filesChanged: 0, embedded: 0 });
  });

  test('embeds only the chunks that changed, none on a rename', async () => {
    await indexAll();
    write('a.ts', functionNamed('alpha') + functionNamed('delta'));
    expect(await indexAll()).toEqual({ filesChanged: 1, embedded: 1 });
    write('moved/a.ts', functionNamed('alpha') + functionNamed('delta'));
    rmSync(join(base, 'tree', 'a.ts'));
    expect(await indexAll()).toEqual({ filesChanged: 2, embedded: 0 });
    expect(await paths()).toEqual(['b.ts', 'moved/a.ts']);
  });

  test('records why a file has no chunks', async () => {
    write('empty.ts', '');
    writeFileSync(join(base, 'tree', 'image.bin'), Buffer.from([0, 1, 2, 0, 255]));
    await indexAll();
    const stats = await store.stats(workspace.root);
    expect(stats.outcomes).toEqual({ empty: 1, binary: 1 });
    expect(stats).toMatchObject({ files: 2, knownFiles: 4 });
  });

  test('a single changed file is taken from the queue', async () => {
    await indexAll();
    write('c.ts', functionNamed('epsilon'));
    indexer.enqueue([{ path: 'c.ts', kind: 'changed' }], 'test');
    expect(await indexer.whenComplete(false, never)).toEqual({ filesChanged: 1, embedded: 1 });
    rmSync(join(base, 'tree', 'c.ts'));
    indexer.enqueue([{ path: 'c.ts', kind: 'changed' }], 'a change that turns out to be a removal');
    await indexer.whenComplete(false, never);
    expect(await paths()).toEqual(['a.ts', 'b.ts']);
  });

  test('a file is pending until the counts have it', async () => {
    for (let i = 0; i < 200; i++) write(`many/f${String(i)}.ts`, functionNamed(`f${String(i)}`));
    const complete = indexAll();
    let missed = Number.NEGATIVE_INFINITY;
    let ready = false;
    while (!ready) {
      await immediate();
      const { knownFiles } = await indexer.stats();
      const { phase } = indexer.progress;
      if (phase === 'indexing') missed = Math.max(missed, 202 - knownFiles - indexer.pendingFiles);
      ready = phase === 'ready' && knownFiles > 0;
    }
    await complete;
    expect(missed).toBe(0);
  });

  test('progress ends with ready and the number of chunks', async () => {
    const seen: IndexProgress[] = [];
    indexer.onProgress((progress) => seen.push(progress));
    const ready = new Promise<void>((done) => {
      indexer.onProgress(({ phase }) => {
        if (phase === 'ready') done();
      });
    });
    await indexAll();
    await ready;
    expect(new Set(seen.map(({ phase }) => phase))).toEqual(new Set(['scanning', 'indexing', 'ready']));
    expect(seen.at(-1)).toMatchObject({ phase: 'ready', chunks: 3, filesDone: 2, filesTotal: 2 });
  });
});

describe('pause', () => {
  test('stops the work, resume finishes it', async () => {
    for (let i = 0; i < 200; i += 1) write(`many/f${String(i)}.ts`, functionNamed(`name${String(i)}`));
    indexer.rescan('test');
    indexer.pause();
    expect(indexer.progress.phase).toBe('paused');
    indexer.resume();
    await indexer.whenComplete(false, never);
    expect(await store.stats(workspace.root)).toMatchObject({ files: 202, chunks: 203 });
  });

  test('changes meanwhile are indexed on resume', async () => {
    await indexAll();
    indexer.pause();
    write('later.ts', functionNamed('later'));
    indexer.enqueue([{ path: 'later.ts', kind: 'changed' }], 'test');
    expect(await paths()).not.toContain('later.ts');
    indexer.resume();
    await indexer.whenComplete(false, never);
    expect(await paths()).toContain('later.ts');
  });
});

describe('cancel', () => {
  test('gives up the rest, and says how much that is, also after a restart with files that are new since', async () => {
    for (let i = 0; i < 200; i += 1) write(`many/f${String(i)}.ts`, functionNamed(`name${String(i)}`));
    const stop = indexer.onProgress(({ phase }) => {
      if (phase !== 'indexing') return;
      stop();
      indexer.cancel();
    });
    indexer.rescan('test');
    const left = async (): Promise<number> => 202 - (await store.stats(workspace.root)).knownFiles;
    await expect.poll(() => indexer.progress.phase, { timeout: 10_000 }).toBe('cancelled');
    expect(indexer.pendingFiles).toBe(await left());
    expect(indexer.pendingFiles).toBeGreaterThan(0);
    await indexer.close();
    write('new.ts', functionNamed('newSince'));
    const common = { workspace, store, chunker, instant, logger: createLogger({}), concurrency: 4 };
    indexer = new Indexer({ ...common, halt: 'cancelled' });
    indexer.rescan('test');
    await expect.poll(() => indexer.pendingFiles, { timeout: 10_000 }).toBe((await left()) + 1);
    indexer.resume();
    await indexer.whenComplete(false, never);
    expect(indexer.pendingFiles).toBe(0);
  });
});

describe('stop', () => {
  test('ends the work; the next one who asks gets it finished', async () => {
    for (let i = 0; i < 200; i += 1) write(`many/f${String(i)}.ts`, functionNamed(`name${String(i)}`));
    const cancel = new AbortController();
    indexer.rescan('test');
    const waiting = indexer.whenComplete(false, cancel.signal);
    cancel.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'Cancelled' });
    expect(indexer.awaited).toBe(false);
    indexer.stop();
    expect(indexer.progress.phase).toBe('paused');
    await indexAll();
    expect(await store.stats(workspace.root)).toMatchObject({ files: 202, chunks: 203 });
  });
});

describe('failures', () => {
  test('a store that fails stops the work with its error, and the next run finishes it', async () => {
    const failing: VectorStore = Object.create(store, {
      commit: { value: () => Promise.reject(new Error('disk full')) },
    }) as VectorStore;
    const broken = new Indexer({
      workspace,
      store: failing,
      chunker,
      instant,
      logger: createLogger({}),
      concurrency: 4,
    });
    broken.rescan('test');
    await expect(broken.whenComplete(false, never)).rejects.toThrow('disk full');
    expect(broken.progress.phase).toBe('failed');
    expect(broken.error).toBe('disk full');
    await broken.close();
    expect(await indexAll()).toEqual({ filesChanged: 2, embedded: 3 });
  });

  test('waiting can be cancelled while the work goes on', async () => {
    const cancel = new AbortController();
    indexer.rescan('test');
    const waiting = indexer.whenComplete(false, cancel.signal);
    cancel.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'Cancelled' });
    await indexer.whenComplete(false, never);
    expect(await paths()).toEqual(['a.ts', 'b.ts']);
  });
});

describe('a store that is short of room', () => {
  const defaults = resolveEngineSettings([], thisMachine());
  const limit = (maxVectors: number): void => {
    applyEngineSettings({ ...defaults, maxVectors });
  };
  const many = 300;

  /** Resolves when the indexer has said that it waits. */
  const waits = (): Promise<string> =>
    new Promise((done) => {
      const stop = indexer.onProgress(({ waiting }) => {
        if (waiting === undefined) return;
        stop();
        done(waiting);
      });
    });

  beforeEach(() => {
    limit(50);
    for (let i = 0; i < many; i += 1) write(`many/f${String(i)}.ts`, functionNamed(`name${String(i)}`));
  });

  afterEach(() => {
    limit(0);
  });

  test('waits, says why, and goes on by itself with every file', async () => {
    const waiting = waits();
    indexer.rescan('test');
    const complete = indexer.whenComplete(false, never);
    expect(await waiting).toMatch(/^waiting for memory: .*limit/);
    expect(indexer.progress).toMatchObject({ phase: 'indexing', message: expect.stringMatching(/^waiting/) as string });
    expect(indexer.progress.millisecondsLeft).toBeUndefined();
    expect((await store.stats(workspace.root)).chunks).toBe(0);
    limit(100_000);
    await complete;
    expect(indexer.progress.waiting).toBeUndefined();
    expect(await store.stats(workspace.root)).toMatchObject({ files: many + 2, chunks: many + 3 });
  });

  test('files that are gone are removed meanwhile, those of the batch that waits after it', async () => {
    limit(0);
    await indexAll();
    limit(many + 3);
    write('new.ts', functionNamed('oneTooMany'));
    const waiting = waits();
    indexer.enqueue([{ path: 'new.ts', kind: 'changed' }], 'test');
    await waiting;
    for (const path of ['many/f0.ts', 'new.ts']) rmSync(join(base, 'tree', path));
    indexer.enqueue(
      ['many/f0.ts', 'new.ts'].map((path) => ({ path, kind: 'removed' })),
      'test',
    );
    await expect.poll(paths, { timeout: 10_000 }).not.toContain('many/f0.ts');
    expect(indexer.progress.waiting).toBeDefined();
    limit(0);
    indexer.budgetChanged();
    await indexer.whenComplete(false, never);
    expect(await paths()).not.toContain('new.ts');
    expect(await store.stats(workspace.root)).toMatchObject({ files: many + 1 });
  });

  test('a pause ends the waiting, and resuming finishes the work', async () => {
    const waiting = waits();
    indexer.rescan('test');
    await waiting;
    indexer.pause();
    expect(indexer.progress).toMatchObject({ phase: 'paused' });
    expect(indexer.progress.waiting).toBeUndefined();
    const again = waits();
    indexer.resume();
    await again;
    limit(0);
    await indexer.whenComplete(false, never);
    expect(await store.stats(workspace.root)).toMatchObject({ files: many + 2 });
  });

  test('who has no patience gets the error, the work goes on without them', async () => {
    indexer.rescan('test');
    await expect(indexer.whenComplete(false, never, 0)).rejects.toMatchObject({ code: 'MemoryPressure' });
    expect(indexer.progress.waiting).toBeDefined();
    limit(0);
    await indexer.whenComplete(false, never);
    expect(await store.stats(workspace.root)).toMatchObject({ files: many + 2 });
  });

  test('closing does not wait', async () => {
    const waiting = waits();
    indexer.rescan('test');
    await waiting;
    const start = performance.now();
    await indexer.close();
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test('the second lane waits as well, and a changed file does not wait for it', async () => {
    limit(0);
    const deep: Lane = { name: 'deep', embedder: instant.embedder, space: 'deep:test' };
    await indexer.close();
    await store.close();
    store = await openEmbeddedStore({
      directory: join(base, 'index'),
      spaces: [instant, deep].map(({ space, embedder }) => ({ name: space, dimension: embedder.model.dimension })),
    });
    indexer = new Indexer({ workspace, store, chunker, instant, logger: createLogger({}), concurrency: 4 });
    await indexAll();
    // As many as are there already.
    limit(many + 3);
    const waiting = waits();
    indexer.setDeepLane(deep);
    await waiting;
    expect(indexer.progress.phase).toBe('embedding');
    write('many/f0.ts', functionNamed('changedMeanwhile'));
    indexer.enqueue([{ path: 'many/f0.ts', kind: 'changed' }], 'test');
    await expect.poll(() => indexer.progress.phase, { timeout: 10_000 }).toBe('indexing');
    limit(0);
    indexer.budgetChanged();
    await indexer.whenComplete(false, never);
    expect((await store.searchText({ tree: workspace.root, queries: ['changedMeanwhile'], k: 1 }))[0]).toHaveLength(1);
    await indexer.whenComplete(true, never);
    const { spaces } = await store.stats(workspace.root);
    expect(spaces.map(({ covered }) => covered)).toEqual([many + 3, many + 3]);
  });
});

describe('a second lane', () => {
  test('is filled after the first, from the files, and again after a change', async () => {
    const deep: Lane = { name: 'deep', embedder: instant.embedder, space: 'deep:test' };
    await store.close();
    store = await openEmbeddedStore({
      directory: join(base, 'index'),
      spaces: [instant, deep].map(({ space, embedder }) => ({ name: space, dimension: embedder.model.dimension })),
    });
    indexer = new Indexer({ workspace, store, chunker, instant, logger: createLogger({}), concurrency: 4 });
    await indexAll();
    const covered = async (): Promise<number | undefined> =>
      (await store.stats(workspace.root)).spaces.find(({ name }) => name === deep.space)?.covered;
    expect(await covered()).toBe(0);
    indexer.setDeepLane(deep);
    await indexer.whenComplete(true, never);
    expect(await covered()).toBe(3);
    write('b.ts', functionNamed('zeta') + functionNamed('eta'));
    indexer.rescan('test');
    await indexer.whenComplete(true, never);
    expect(await covered()).toBe(4);
  });
});
