import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorCodes, TiercelError } from '../../../protocol/errors.ts';
import { createChunker, type ChunkerPool } from '../chunking/pool.ts';
import { openInstantEmbedder } from '../inference/instant.ts';
import type { Embedder } from '../inference/types.ts';
import { createLogger } from '../logging/logger.ts';
import { modelsDirectory } from '../settings/paths.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import type { VectorStore } from '../store/types.ts';
import type { Workspace } from '../workspace/types.ts';
import { openWorkspace } from '../workspace/workspace.ts';
import { Indexer } from './indexer.ts';
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

/** The real model, whose process ends under texts that pass, as a driver's fault would end it. */
function deepLane(fails: (text: string) => boolean): Lane & { batches: string[][] } {
  const batches: string[][] = [];
  const { model, device } = instant.embedder;
  const embedder: Embedder = {
    model,
    device,
    embed: (texts, role, signal) => {
      if (texts.some(fails)) {
        return Promise.reject(new TiercelError(errorCodes.report, 'The inference process ended 4 times under them.'));
      }
      batches.push([...texts]);
      return instant.embedder.embed(texts, role, signal);
    },
    close: () => Promise.resolve(),
  };
  return { name: 'deep', embedder, space: 'deep:test', batches };
}

const covered = async (): Promise<number> =>
  (await store.stats(workspace.root)).spaces.find(({ name }) => name === 'deep:test')?.covered ?? 0;

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
    spaces: ['instant:test', 'deep:test'].map((name) => ({ name, dimension: embedder.model.dimension })),
  });
  workspace = await openWorkspace({ root: join(base, 'tree'), exclude: [], maxFileBytes: 1 << 20 });
  chunker = createChunker({ processes: 1, command: { file: process.execPath, args: [mainFile, 'parse'] } });
  problems = new Problems();
  const open = (): ReadonlySet<string> => new Set(['test/name9.test.ts']);
  const logger = createLogger({});
  indexer = new Indexer({ workspace, store, chunker, instant, logger, concurrency: 4, problems, open });
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
