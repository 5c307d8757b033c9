import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { errorCodes, TiercelError } from '../../../protocol/errors.ts';
import { createChunker, type ChunkerPool } from '../chunking/pool.ts';
import { openOnDemandEmbedder, type DeepEmbedder } from '../inference/deep.ts';
import { openInstantEmbedder } from '../inference/instant.ts';
import { ModelCatalog } from '../inference/models/catalog.ts';
import { bundleInferenceProcess, type BundledProcess } from '../inference/test-process.ts';
import type { Embedder } from '../inference/types.ts';
import { createLogger } from '../logging/logger.ts';
import { modelsDirectory } from '../settings/paths.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import type { ChunkInfo, VectorBatch, VectorStore } from '../store/types.ts';
import type { Workspace } from '../workspace/types.ts';
import { openWorkspace } from '../workspace/workspace.ts';
import { Indexer } from './indexer.ts';
import { OnDemandVectors } from './on-demand.ts';

const mainFile = resolve(import.meta.dirname, '../../../dist/main.mjs');
const never = new AbortController().signal;
const eventually = { timeout: 60_000, interval: 20 };
const forever = 20_000;
const space = 'deep:test';
const names = ['alpha', 'beta', 'gamma', 'delta'];

let bundle: BundledProcess;
let deep: DeepEmbedder;
let instant: Embedder;
let base: string;
let workspace: Workspace;
let store: VectorStore;
let chunker: ChunkerPool;
let indexer: Indexer;
/** Texts that were embedded, and how. */
let asked: { text: string; role: string }[];
let goesOn: boolean;
let refusal: Error | undefined;
let onDemand: OnDemandVectors;
const opened: OnDemandVectors[] = [];

beforeAll(async () => {
  bundle = await bundleInferenceProcess();
  const model = await new ModelCatalog(modelsDirectory(), join(tmpdir(), 'tiercel-no-models')).resolve('minilm-l6');
  deep = openOnDemandEmbedder({ model, command: bundle.command, threads: 1 }, 'A test.');
  instant = await openInstantEmbedder(join(modelsDirectory(), 'instant-v2'));
});

afterAll(async () => {
  await deep.close();
  await instant.close();
  await bundle.remove();
});

function open(): OnDemandVectors {
  const embedder: Embedder = {
    model: deep.model,
    device: deep.device,
    embed: (texts, role, signal) => {
      asked.push(...texts.map((text) => ({ text, role })));
      return deep.embed(texts, role, signal);
    },
    close: () => Promise.resolve(),
  };
  const keep = (batch: VectorBatch): Promise<void> =>
    refusal === undefined ? indexer.keep(batch) : Promise.reject(refusal);
  const lane = { name: 'deep' as const, embedder, space };
  const made = new OnDemandVectors({ lane, workspace, chunker, logger: createLogger({}), goOn: () => goesOn, keep });
  opened.push(made);
  return made;
}

beforeEach(async () => {
  asked = [];
  goesOn = false;
  refusal = undefined;
  base = realpathSync(mkdtempSync(join(tmpdir(), 'tiercel-on-demand-')));
  mkdirSync(join(base, 'tree'));
  for (const name of names) write(name, `  a += ${name}.length;`);
  store = await openEmbeddedStore({
    directory: join(base, 'index'),
    spaces: [
      { name: 'instant:test', dimension: instant.model.dimension },
      { name: space, dimension: deep.model.dimension },
    ],
  });
  workspace = await openWorkspace({ root: join(base, 'tree'), exclude: [], maxFileBytes: 1 << 20 });
  chunker = createChunker({ processes: 1, command: { file: process.execPath, args: [mainFile, 'parse'] } });
  const lane = { name: 'instant' as const, embedder: instant, space: 'instant:test' };
  indexer = new Indexer({ workspace, store, chunker, instant: lane, logger: createLogger({}), concurrency: 1 });
  indexer.rescan('test');
  await indexer.whenComplete(false, never);
  onDemand = open();
});

afterEach(async () => {
  refusal = undefined;
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await indexer.close();
  await chunker.close();
  await workspace.close();
  await store.close();
  rmSync(base, { recursive: true, force: true });
});

function write(name: string, line: string): void {
  const text = `export function ${name}(a: number) {\n${`${line}\n`.repeat(8)}  return a;\n}\n`;
  writeFileSync(join(base, 'tree', `${name}.ts`), text);
}

/** The chunk of each file, in the order given. */
async function chunksOf(...of: string[]): Promise<ChunkInfo[]> {
  const found = await Promise.all(of.map((name) => store.chunks({ tree: workspace.root, path: `${name}.ts` })));
  return found.flat();
}

const covered = async (): Promise<number> =>
  (await indexer.stats()).spaces.find(({ name }) => name === space)?.covered ?? 0;

test('gives the vectors the lane itself would, and puts them into its space', async () => {
  const chunks = await chunksOf('gamma', 'alpha');
  const { vectors, embedded, note } = await onDemand.vectorsOf(chunks, forever, never);
  expect({ embedded, note, ids: [...vectors.keys()] }).toEqual({
    embedded: 2,
    note: undefined,
    ids: chunks.map(({ id }) => id),
  });
  expect(asked.map(({ role }) => role)).toEqual(['similar', 'similar']);
  const passage = await deep.embed([asked[0]?.text ?? ''], 'passage');
  expect(vectors.get(chunks[0]?.id ?? -1)).toEqual(passage);
  await onDemand.close();
  expect(await covered()).toBe(2);
  const [hits = []] = await store.searchVectors({ tree: workspace.root, space, vectors: passage, k: 5 });
  expect(hits.map(({ id }) => id).sort()).toEqual(chunks.map(({ id }) => id).sort());
  expect(hits[0]?.id).toBe(chunks[0]?.id);
  expect(hits[0]?.score).toBeCloseTo(1, 2);
});

test('what was computed for one query is there for the next, stored or not', async () => {
  const chunks = await chunksOf('alpha', 'beta');
  await onDemand.vectorsOf(chunks.slice(0, 1), forever, never);
  const again = await onDemand.vectorsOf(chunks, forever, never);
  expect({ embedded: again.embedded, known: again.vectors.size }).toEqual({ embedded: 1, known: 2 });
  expect(asked).toHaveLength(2);
  // Without being asked to: two seconds behind the query.
  await expect.poll(covered, eventually).toBe(2);
});

test('without time nothing is embedded', async () => {
  const { vectors, embedded } = await onDemand.vectorsOf(await chunksOf('alpha'), 0, never);
  expect({ vectors: vectors.size, embedded, asked }).toEqual({ vectors: 0, embedded: 0, asked: [] });
});

test('comes back when the time is over; what is left is embedded behind the query, at the end of the queue', async () => {
  goesOn = true;
  const { vectors } = await onDemand.vectorsOf(await chunksOf(...names), 1, never);
  expect(vectors.size).toBeLessThan(names.length);
  await expect.poll(() => asked.length, eventually).toBe(names.length);
  expect(asked.at(-1)?.role).toBe('passage');
  await expect.poll(covered, eventually).toBe(names.length);
}, 90_000);

test('what goes on behind a query ends with the next one', async () => {
  goesOn = true;
  await onDemand.vectorsOf(await chunksOf(...names), 1, never);
  const { vectors } = await onDemand.vectorsOf(await chunksOf('delta'), forever, never);
  expect(vectors.size).toBe(1);
  await onDemand.close();
  expect(asked.length).toBeLessThan(names.length + 1);
});

test('a text that takes longer than the time is there for the next query all the same', async () => {
  const chunks = await chunksOf('alpha');
  await deep.load();
  // Read and cut within the time, embedded after it.
  await chunker.chunk({ path: 'x.ts', language: 'typescript', text: 'const a = 1;' });
  await onDemand.vectorsOf(chunks, 1, never);
  await expect.poll(async () => (await onDemand.vectorsOf(chunks, 1, never)).vectors.size, eventually).toBe(1);
});

test('ends with the query that is cancelled', async () => {
  const stop = new AbortController();
  const found = onDemand.vectorsOf(await chunksOf(...names), forever, stop.signal);
  stop.abort();
  await expect(found).rejects.toMatchObject({ code: 'Cancelled' });
  await onDemand.close();
  expect(asked.length).toBeLessThan(names.length);
  await expect(open().vectorsOf([], forever, stop.signal)).rejects.toMatchObject({ code: 'Cancelled' });
});

test('a chunk whose file has changed since is passed over', async () => {
  const chunks = await chunksOf('alpha', 'beta');
  write('alpha', '  a -= 1;');
  const { vectors } = await onDemand.vectorsOf(chunks, forever, never);
  expect([...vectors.keys()]).toEqual([chunks[1]?.id]);
});

test('a store that is short of memory gets the vectors later', async () => {
  refusal = new TiercelError(errorCodes.memoryPressure, 'Memory is short.', { retryAfterMs: 10 });
  const chunks = await chunksOf('alpha');
  await onDemand.vectorsOf(chunks, forever, never);
  const again = await onDemand.vectorsOf(chunks, forever, never);
  expect({ embedded: again.embedded, known: again.vectors.size }).toEqual({ embedded: 0, known: 1 });
  refusal = undefined;
  await onDemand.close();
  expect(await covered()).toBe(1);
});

test('a model that cannot be loaded is said, with the reason', async () => {
  const broken = join(base, 'broken');
  mkdirSync(broken);
  const model = await new ModelCatalog(modelsDirectory(), join(tmpdir(), 'tiercel-no-models')).resolve('minilm-l6');
  writeFileSync(join(broken, 'model.onnx'), 'no model');
  const spec = { ...model.spec('cpu'), weights: join(broken, 'model.onnx') };
  const embedder = openOnDemandEmbedder({ model: { ...model, spec: () => spec }, command: bundle.command }, 'A test.');
  const lane = { name: 'deep' as const, embedder, space };
  const keep = (batch: VectorBatch): Promise<void> => indexer.keep(batch);
  const failing = new OnDemandVectors({ lane, workspace, chunker, logger: createLogger({}), goOn: () => false, keep });
  const { vectors, note } = await failing.vectorsOf(await chunksOf('alpha'), forever, never);
  expect(vectors.size).toBe(0);
  expect(note).toContain('cannot be opened');
  await failing.close();
  await embedder.close();
});
