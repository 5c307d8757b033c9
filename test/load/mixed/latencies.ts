import type { Latency } from './messages.ts';
import { quantile } from './trend.ts';

/** Durations of calls, taken out sample by sample. */
export class Latencies {
  readonly #milliseconds: number[] = [];
  count = 0;

  async measure<T>(call: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const value = await call();
    this.#milliseconds.push(performance.now() - start);
    this.count++;
    return value;
  }

  take(): Latency {
    const sorted = this.#milliseconds.splice(0).sort((a, b) => a - b);
    return { count: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
  }
}

/** Milliseconds of one query over `rows` vectors by a plain loop, from the best of a few runs over some of them. */
export function scalarScan(rows: number, dimension: number): number {
  const some = 2000;
  const vectors = new Float32Array(some * dimension).fill(0.5);
  const query = new Float32Array(dimension).fill(0.25);
  let best = Number.POSITIVE_INFINITY;
  let kept = 0;
  for (let run = 0; run < 3; run++) {
    const start = performance.now();
    for (let row = 0; row < some; row++) {
      let sum = 0;
      for (let at = 0, place = row * dimension; at < dimension; at++, place++) {
        sum += (vectors[place] ?? 0) * (query[at] ?? 0);
      }
      if (sum > kept) kept = sum;
    }
    best = Math.min(best, performance.now() - start);
  }
  return (best * rows) / some;
}
