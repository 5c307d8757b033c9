import type { Dataset } from '../data/dataset.ts';

/** One setting of what trades recall for time. */
export interface Point {
  /** As in `ef 64`. */
  label: string;
  parameters: Readonly<Record<string, number>>;
}

/** What one query found. */
export interface Found {
  /** Row numbers, best first. Called outside of what is timed. */
  rows(): number[];
  /** Microseconds inside the engine, where it says so. */
  engineMicros?: number;
}

/** An index that answers queries. */
export interface OpenIndex {
  /** Called before the queries of a point; its time is nobody's. */
  tune(point: Point): void | Promise<void>;
  /** @returns what is timed; bringing the query into the engine's own form happens before */
  prepare(query: Float32Array, k: number): () => Found | Promise<Found>;
  /** Bytes of memory by the engine's own account, by part; undefined when it keeps none. */
  declaredBytes(): Promise<Record<string, number> | undefined>;
  close(): void | Promise<void>;
}

/** How long building took. */
export interface BuildTime {
  /** Until everything was stored and searchable, without the time in which the data set made its vectors. */
  seconds: number;
  /** Until the last vector was stored, where the index is made after that. */
  insertSeconds?: number;
}

/** An engine, with its package loaded. */
export interface Contender {
  version: string;
  /** For a person: kind of index and what was set at building. */
  setup: string;
  /** Too slow for all queries. */
  slow: boolean;
  points(count: number): Point[];
  /** Builds and stores in an empty folder; with one thread, where that can be said. */
  build(dataset: Dataset, folder: string): Promise<BuildTime>;
  open(dataset: Dataset, folder: string): Promise<OpenIndex>;
}

/** Adds up the time of calls, so that producing the data in between does not count. */
export class Stopwatch {
  #seconds = 0;

  get seconds(): number {
    return this.#seconds;
  }

  async time<T>(call: () => T | Promise<T>): Promise<T> {
    const start = performance.now();
    const value = await call();
    this.#seconds += (performance.now() - start) / 1000;
    return value;
  }
}

/** A vector of a block, without a copy. */
export function rowOf(vectors: Float32Array, row: number, dimension: number): Float32Array {
  return vectors.subarray(row * dimension, (row + 1) * dimension);
}
