import type { Machine } from '../machine.ts';
import type { PointResult } from '../measure.ts';
import type { BuildResult, LoadResult } from '../tasks.ts';

/** What `--json` holds. */
export interface Report {
  version: 1;
  date: string;
  machine: Machine;
  /** Neighbours asked for. */
  k: number;
  data: DataReport[];
}

export interface DataReport {
  id: string;
  label: string;
  count: number;
  dimension: number;
  queries: number;
  engines: EngineReport[];
}

export interface EngineReport {
  name: string;
  build?: BuildResult;
  /** One per fresh process, files in the memory of the operating system. */
  warm: LoadResult[];
  /** Files on the disk only. */
  cold?: LoadResult;
  points: PointResult[];
  /** Why it could not be measured. */
  failure?: string;
}
