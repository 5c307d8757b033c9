/** Searches of an index with the GPU and without, as the setting `tiercel.gpu.search` has it. */
import { setTimeout as wait } from 'node:timers/promises';
import { join } from 'node:path';
import { loadEngine } from '../contenders/tiercel.ts';
import { openData, type DataName } from '../data/catalog.ts';
import { queriesOf } from '../data/dataset.ts';
import { quantile } from '../measure.ts';
import { benchFolder } from '../places.ts';
import { recallOf, truthOf } from '../truth.ts';

export const modes = ['off', 'on', 'auto'] as const;
/** Queries of a batch: as many as the GPU takes together. */
export const batchQueries = 64;

export interface GpuTask {
  kind: 'gpu';
  data: DataName;
  /** Where the index lies. */
  folder: string;
  k: number;
  software: boolean;
  rounds: number;
  /** No search is begun after so long, per round, mode and kind of call. */
  patienceMs: number;
}

/** Calls of one kind. */
export interface CallResult {
  calls: number;
  /** Of one call, over all rounds. */
  p50: number;
  p90: number;
  /** Of the first queries, which every mode answered. */
  recall: number;
  /** How many these are. */
  compared: number;
  /** Share of the calls in which the GPU answered. */
  byGpu: number;
}

export interface ModeResult {
  mode: (typeof modes)[number];
  /** What the status says about the GPU. */
  sentence: string;
  /** Of 1-bit codes in the GPU's memory. */
  pageBytes: number;
  /** Whether the engine's own comparison, where it made one, found the GPU right. */
  equal: boolean;
  single: CallResult;
  batch: CallResult;
}

export interface GpuResult {
  /** `int8`, `1-bit` or `cells`. */
  index: string;
  modes: ModeResult[];
}

interface Calls {
  times: number[];
  /** Rows of each query, from the first on, each once. */
  rows: number[][];
  byGpu: number;
}

const memoryBudget = 8 * 2 ** 30;
const pollMs = 100;
/** The device's memory is taken for filled when nothing has changed for so long. */
const steadyMs = 2000;
const longestWaitMs = 300_000;

type Engine = ReturnType<typeof loadEngine>;
type Index = Awaited<ReturnType<Engine['openVectorIndex']>>;

/** Every mode in turn, in rounds: what disturbs the machine disturbs all. */
export async function searchWithGpu(task: GpuTask): Promise<GpuResult> {
  const engine = loadEngine();
  engine.configureEngine({ memoryBudget });
  const dataset = openData(task.data);
  const truth = await truthOf(dataset);
  const queries = queriesOf(dataset);
  const { dimension, count } = dataset;
  const measured = modes.map((mode) => ({
    mode,
    sentence: '',
    pageBytes: 0,
    equal: true,
    single: nothing(),
    batch: nothing(),
  }));
  let kind = '';
  for (let round = 0; round < task.rounds; round++) {
    for (const result of measured) {
      await configure(engine, result.mode, task.software);
      const index = await engine.openVectorIndex(task.folder, { dimension, index: 'auto', committed: count });
      await index.settle();
      if (result.mode !== 'off') await filled(engine);
      kind = (await index.stats()).index;
      await call(engine, index, queries, 1, { ...task, patienceMs: 0 });
      add(result.single, await call(engine, index, queries, 1, task));
      add(result.batch, await call(engine, index, queries, batchQueries, task));
      const { sentence, pageBytes, check } = engine.gpuStatus();
      Object.assign(result, { sentence, pageBytes, equal: result.equal && check?.equal !== false });
      await index.close();
    }
  }
  await configure(engine, 'off', false);
  const summary = ({ times, rows, byGpu }: Calls, compared: number): CallResult => ({
    calls: times.length,
    p50: quantile(times, 0.5),
    p90: quantile(times, 0.9),
    recall: recallOf(truth, rows.slice(0, compared), task.k),
    compared,
    byGpu: byGpu / times.length,
  });
  // A slow mode answers fewer: recall is that of queries which all of them answered.
  const fewest = (kind: 'single' | 'batch'): number => Math.min(...measured.map((mode) => mode[kind].rows.length));
  return {
    index: kind,
    modes: measured.map(({ single, batch, ...rest }) => ({
      ...rest,
      single: summary(single, fewest('single')),
      batch: summary(batch, fewest('batch')),
    })),
  };
}

function nothing(): Calls {
  return { times: [], rows: [], byGpu: 0 };
}

function add(sum: Calls, more: Calls): void {
  sum.times.push(...more.times);
  sum.byGpu += more.byGpu;
  if (sum.rows.length < more.rows.length) sum.rows = more.rows;
}

async function configure(engine: Engine, mode: ModeResult['mode'], allowSoftware: boolean): Promise<void> {
  const pipelineCache = join(benchFolder(), 'gpu');
  const open = await engine.configureGpu({ mode, memoryBudget: 0, allowSoftware, pipelineCache });
  if (!open && mode !== 'off') throw new Error(engine.gpuStatus().sentence);
}

/** Waits until the pages that fit are in the device's memory and compared with the processor. */
async function filled(engine: Engine): Promise<void> {
  const begin = performance.now();
  let known = '';
  let since = begin;
  while (performance.now() - begin < longestWaitMs) {
    const { pages, check } = engine.gpuStatus();
    const now = JSON.stringify([pages, check]);
    if (now !== known) [known, since] = [now, performance.now()];
    // Without a check there are no pages, or the first ones are still being compared.
    else if (performance.now() - since > (pages > 0 && check === undefined ? longestWaitMs : steadyMs)) return;
    await wait(pollMs);
  }
}

/** Queries in order, so many in a call, from the first again after the last; at least one call. */
async function call(
  engine: Engine,
  index: Index,
  queries: readonly Float32Array[],
  together: number,
  { k, patienceMs }: Pick<GpuTask, 'k' | 'patienceMs'>,
): Promise<Calls> {
  const calls = nothing();
  const dimension = queries[0]?.length ?? 0;
  const begin = performance.now();
  for (let first = 0; first === 0 || performance.now() - begin < patienceMs; first += together) {
    const batch = new Float32Array(together * dimension);
    for (let at = 0; at < together; at++) {
      batch.set(queries[(first + at) % queries.length] ?? new Float32Array(), at * dimension);
    }
    const before = engine.gpuStatus().searches;
    const start = performance.now();
    const { rows, counts } = await index.search(batch, k);
    calls.times.push(performance.now() - start);
    if (engine.gpuStatus().searches > before) calls.byGpu++;
    let offset = 0;
    for (const count of counts) {
      if (calls.rows.length < queries.length) calls.rows.push(Array.from(rows.subarray(offset, offset + count)));
      offset += count;
    }
  }
  return calls;
}
