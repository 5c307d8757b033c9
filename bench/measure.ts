import type { OpenIndex, Point } from './contenders/types.ts';

/** Latencies in milliseconds. */
export interface Latency {
  p50: number;
  p90: number;
  p99: number;
  mean: number;
}

/** One setting of one engine, measured. */
export interface PointResult {
  label: string;
  parameters: Readonly<Record<string, number>>;
  recall: number;
  queries: number;
  /** As the caller in JavaScript sees it: the median over the rounds of each figure. */
  latency: Latency;
  /** The median of each round: how much the machine varied. */
  p50ByRound: number[];
  /** Median of what the engine itself took, where it says so. */
  engineP50?: number;
}

/** One pass over the queries at one setting. */
export interface Pass {
  latency: Latency;
  engineP50: number | undefined;
  /** Of each query, best first. */
  rows: number[][];
}

const warmUps = 30;
/** A pass is cut after this time, unless its answers are needed. */
const passMs = 4000;
const fewestQueries = 20;

/** Queries one after the other, each timed from the call to its answer. */
export async function pass(
  index: OpenIndex,
  point: Point,
  queries: readonly Float32Array[],
  k: number,
  complete: boolean,
): Promise<Pass> {
  await index.tune(point);
  const begin = performance.now();
  for (const query of queries.slice(0, warmUps)) {
    await index.prepare(query, k)();
    if (performance.now() - begin > passMs) break;
  }
  const times: number[] = [];
  const micros: number[] = [];
  const rows: number[][] = [];
  const first = performance.now();
  for (const query of queries) {
    if (!complete && times.length >= fewestQueries && performance.now() - first > passMs) break;
    const search = index.prepare(query, k);
    const start = performance.now();
    const answer = search();
    // A synchronous engine is not made to wait for the event loop.
    const found = answer instanceof Promise ? await answer : answer;
    times.push(performance.now() - start);
    if (found.engineMicros !== undefined) micros.push(found.engineMicros);
    rows.push(found.rows());
  }
  return {
    latency: summary(times),
    engineP50: micros.length === 0 ? undefined : quantile(micros, 0.5) / 1000,
    rows,
  };
}

/** Of several passes at one setting. */
export function combine(passes: readonly Pass[]): { latency: Latency; p50ByRound: number[]; engineP50?: number } {
  const of = (figure: keyof Latency): number => median(passes.map(({ latency }) => latency[figure]));
  const engine = passes.flatMap(({ engineP50 }) => engineP50 ?? []);
  return {
    latency: { p50: of('p50'), p90: of('p90'), p99: of('p99'), mean: of('mean') },
    p50ByRound: passes.map(({ latency }) => latency.p50),
    ...(engine.length === 0 ? {} : { engineP50: median(engine) }),
  };
}

function summary(times: readonly number[]): Latency {
  return {
    p50: quantile(times, 0.5),
    p90: quantile(times, 0.9),
    p99: quantile(times, 0.99),
    mean: times.reduce((sum, time) => sum + time, 0) / Math.max(1, times.length),
  };
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const [low = 0, high = low] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return (low + high) / 2;
}

/** The value below which this share of the values lies; the nearest one, not interpolated. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
