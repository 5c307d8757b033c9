/** What the loaded process tells the one that watches it. */
import type { MemoryStatus } from '../../../protocol/status.ts';

export interface LoadOptions {
  /** Folder of the store. */
  directory: string;
  seconds: number;
  /** MiB of memory for the engine. */
  budget: number;
  seed: number;
  /** Files of the work tree, chunks of each. */
  files: number;
  chunksPerFile: number;
  dimension: number;
}

/** Milliseconds of the calls since the last sample. */
export interface Latency {
  count: number;
  p50: number;
  p99: number;
}

export interface LoadSample {
  kind: 'sample';
  /** Seconds since the load began. */
  at: number;
  heap: number;
  /** Bytes of typed arrays and other memory outside the JavaScript heap. */
  external: number;
  /** Timers, handles and requests that keep the process busy. */
  resources: number;
  engine: Pick<MemoryStatus, 'pressure' | 'level' | 'used' | 'budget' | 'parts'>;
  disk: number;
  vectors: number;
  search: Latency;
  text: Latency;
  commit: Latency;
  /** Milliseconds in which a plain loop over 32-bit floats answers one query over all vectors, measured now. */
  scalar: number;
}

export interface LoadResult {
  kind: 'result';
  commits: number;
  searches: number;
  reopenings: number;
  /** Commits that were refused for want of memory and went through later. */
  refusals: number;
  /** Answers that were wrong, and calls that failed: the first of them. */
  wrong: string[];
  wrongCount: number;
  /** Bytes the engine holds once the store is closed. */
  engineAfterClose: number;
}

export type LoadMessage = { kind: 'ready' } | LoadSample | LoadResult;
