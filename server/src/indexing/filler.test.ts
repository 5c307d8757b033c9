import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { errorCodes, TiercelError } from '../../../protocol/errors.ts';
import { createChunker, type ChunkerPool } from '../chunking/pool.ts';
import type { Chunker } from '../chunking/types.ts';
import { openInstantEmbedder } from '../inference/instant.ts';
import type { Embedder } from '../inference/types.ts';
import { createLogger } from '../logging/logger.ts';
import { modelsDirectory } from '../settings/paths.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import type { VectorStore } from '../store/types.ts';
import type { Workspace } from '../workspace/types.ts';
import { openWorkspace } from '../workspace/workspace.ts';
import { Indexer, type Halt } from './indexer.ts';
import type { Lane } from './lane.ts';
import { Problems } from './problems.ts';

const mainFile = resolve(import.meta.dirname, '../../../dist/main.mjs');
const never = new AbortController().signal;

let base: string;
let workspace: Workspace;
let store: VectorStore;
let chunker: ChunkerPool;
let instant: Lane;
let indexer: Indexer;
let problems: Problems;

type Watched = Lane & {
  /** Texts, call by call. */
  batches: string[][];
};

const spaces = { instant: 'instant:next', deep: 'deep:test' };

/**
 * The real model in a space that has no vectors yet, which ends under texts that pass, as a driver's fault would end it.
 *
 * @param onEmbed called before texts are embedded
 */
function laneOf(
  name: 'instant' | 'deep',
  fails: (text: string) => boolean,
  onEmbed: () => void = () => undefined,
): Watched {
  const batches: string[][] = [];
  const { model, device } = instant.embedder;
  const embedder: Embedder = {
    model,
    device,
    embed: (texts, role, signal) => {
      if (texts.some(fails)) {
        return Promise.reject(new TiercelError(errorCodes.report, 'The inference process ended 4 times under them.'));
      }
      onEmbed();
      batches.push([...texts]);
      return instant.embedder.embed(texts, role, signal);
    },
    close: () => Promise.resolve(),
  };
  return { name, embedder, space: spaces[name], batches };
}

const deepLane = (fails: (text: string) => boolean): Watched => laneOf('deep', fails);

const covered = async (space = spaces.deep): Promise<number> =>
  (await store.stats(workspace.root)).spaces.find(({ name }) => name === space)?.covered ?? 0;

const openEditors: ReadonlySet<string> = new Set(['test/name9.test.ts']);

function indexerWith(lane: Lane, { cut = chunker, halt }: { cut?: Chunker; halt?: Halt } = {}): Indexer {
  const common = { workspace, store, logger: createLogger({}), concurrency: 4, problems, open: () => openEditors };
  return new Indexer({ ...common, chunker: cut, instant: lane, halt });
}

/** The folder is opened anew, by a program whose instant model is another one. */
async function reopenWith(...args: Parameters<typeof indexerWith>): Promise<void> {
  await indexer.close();
  indexer = indexerWith(...args);
  indexer.rescan('test');
}

const phase = (wanted: string): Promise<void> =>
  new Promise((done) => {
    const stop = indexer.onProgress((progress) => {
      if (progress.phase !== wanted) return;
      stop();
      done();
    });
  });

beforeEach(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'tiercel-filler-')));
  const names = Array.from({ length: 60 }, (_, i) => (i === 17 ? 'poison' : `name${String(i)}`));
  for (const name of names) {
    for (const path of [`src/${name}.ts`, `test/${name}.test.ts`]) {
      const file = join(base, 'tree', path);
      mkdirSync(dirname(file), { recursive: true });
      const text = path.startsWith('src') ? name : `${name}Tested`;
      writeFileSync(
        file,
        `export function ${text}(a: number) {\n${`  a += ${text}.length;\n`.repeat(8)}  return a;\n}\n`,
      );
    }
  }
  const embedder = await openInstantEmbedder(join(modelsDirectory(), 'instant-v2'));
  instant = { name: 'instant', embedder, space: 'instant:test' };
  store = await openEmbeddedStore({
    directory: join(base, 'index'),
    spaces: ['instant:test', ...Object.values(spaces)].map((name) => ({ name, dimension: embedder.model.dimension })),
  });
  workspace = await openWorkspace({ root: join(base, 'tree'), exclude: [], maxFileBytes: 1 << 20 });
  chunker = createChunker({ processes: 1, command: { file: process.execPath, args: [mainFile, 'parse'] } });
  problems = new Problems();
  indexer = indexerWith(instant);
  indexer.rescan('test');
  await indexer.whenComplete(false, never);
});

afterEach(async () => {
  await indexer.close();
  await chunker.close();
  await workspace.close();
  await store.close();
  await instant.embedder.close();
  rmSync(base, { recursive: true, force: true });
});

test('a text no model can take is found, listed and passed over; a retry gives it another chance', async () => {
  let fails = true;
  indexer.setDeepLane(deepLane((text) => fails && text.includes('function poison(')));
  await indexer.whenComplete(true, never);
  expect(problems.all).toEqual([
    { path: 'src/poison.ts', reason: 'not-embedded', detail: expect.stringContaining('ended 4 times') as string },
  ]);
  expect(await covered()).toBe(119);
  fails = false;
  expect(await indexer.retry()).toBe(1);
  await indexer.whenComplete(true, never);
  expect(problems.all).toEqual([]);
  expect(await covered()).toBe(120);
});

test('a model that takes no text at all is no fault of the texts: it stands still and says so', async () => {
  indexer.setDeepLane(deepLane(() => true));
  await expect(indexer.whenComplete(true, never)).rejects.toThrow('ended 4 times');
  expect(indexer.laneTrouble).toContain('ended 4 times');
  expect(indexer.progress.phase).toBe('ready');
  expect(problems.all.length).toBeLessThan(3);
});

test('open editors get their vectors first', async () => {
  const lane = deepLane(() => false);
  indexer.setDeepLane(lane);
  await indexer.whenComplete(true, never);
  expect(lane.batches[0]?.some((text) => text.includes('name9Tested'))).toBe(true);
  expect(lane.batches.flat()).toHaveLength(120);
});

describe('an instant model that is new', () => {
  const takesAll = (): boolean => false;

  test('gets the vectors of files that did not change, open editors first, before the deep lane', async () => {
    const messages: string[] = [];
    const deep = laneOf('deep', takesAll);
    const deepBefore: number[] = [];
    const lane = laneOf('instant', takesAll, () => deepBefore.push(deep.batches.length));
    await reopenWith(lane);
    indexer.setDeepLane(deep);
    indexer.onProgress(({ phase, message }) => {
      if (phase === 'embedding' && message !== undefined) messages.push(message);
    });
    expect(await indexer.whenComplete(false, never)).toMatchObject({ filesChanged: 0 });
    expect(await covered(lane.space)).toBe(120);
    expect(lane.batches[0]?.some((text) => text.includes('name9Tested'))).toBe(true);
    expect(messages).toContain('instant vectors: 64 of 120 files');
    await indexer.whenComplete(true, never);
    expect(await covered()).toBe(120);
    expect(new Set(deepBefore)).toEqual(new Set([0]));
    expect(lane.batches.flat()).toHaveLength(120);
  });

  test('is held by a pause, and goes on after a restart with what is still missing', async () => {
    const held = laneOf('instant', takesAll, () => {
      // In the middle of the work: the first step is committed, the second is not.
      if (held.batches.length === 1) indexer.pause();
    });
    await reopenWith(held);
    await phase('paused');
    await indexer.close();
    const before = await covered(held.space);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(120);
    const rest = laneOf('instant', takesAll);
    await reopenWith(rest, { halt: 'paused' });
    expect(indexer.progress.phase).toBe('paused');
    indexer.resume();
    await indexer.whenComplete(false, never);
    expect(await covered(rest.space)).toBe(120);
    expect(rest.batches.flat()).toHaveLength(120 - before);
  });

  test('is given up by a cancel; a file that changes gets its vectors all the same', async () => {
    const lane = laneOf('instant', takesAll, () => {
      if (lane.batches.length === 1) indexer.cancel();
    });
    await reopenWith(lane);
    await expect(indexer.whenComplete(false, never)).rejects.toMatchObject({ code: 'Cancelled' });
    expect(indexer.progress.phase).toBe('cancelled');
    const before = await covered(lane.space);
    writeFileSync(join(base, 'tree', 'src/name1.ts'), `export const late = 'a value that was not there';\n`);
    const done = phase('cancelled');
    indexer.enqueue([{ path: 'src/name1.ts', kind: 'changed' }], 'test');
    await done;
    await expect.poll(() => lane.batches.at(-1)?.length).toBe(1);
    await expect.poll(() => indexer.progress.phase).toBe('cancelled');
    expect(await covered(lane.space)).toBeLessThanOrEqual(before + 1);
    indexer.resume();
    await indexer.whenComplete(false, never);
    expect(await covered(lane.space)).toBe(120);
  });

  test('that cannot run says so, and those who wait get the error', async () => {
    await reopenWith(laneOf('instant', () => true));
    await expect(indexer.whenComplete(false, never)).rejects.toThrow('ended 4 times');
    expect(indexer.laneTrouble).toContain('ended 4 times');
  });

  test('and other rules of cutting: the files are cut anew', async () => {
    const byLines: Chunker = {
      chunk: (request, signal) => chunker.chunk({ ...request, language: 'plaintext' }, signal),
      close: () => Promise.resolve(),
    };
    const text = (name: string): string => `export function ${name}(a: number) {\n${'  a += 1;\n'.repeat(9)}}\n`;
    writeFileSync(join(base, 'tree', 'src/name1.ts'), text('first') + text('second'));
    await reopenWith(instant, { cut: byLines });
    await indexer.whenComplete(false, never);
    await reopenWith(laneOf('instant', takesAll));
    await indexer.whenComplete(false, never);
    const functions = (await store.chunks({ tree: workspace.root, path: 'src/name1.ts' })).length;
    expect(functions).toBe(2);
    expect(await covered(spaces.instant)).toBe(121);
  });
});
