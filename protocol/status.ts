/** State of the index of one folder, and the progress a client shows while it changes. */
import { z } from 'zod';
import type { Coverage } from './search.ts';

export const folderParamsSchema = z.object({ folder: z.string().min(1) });
export type FolderParams = z.input<typeof folderParamsSchema>;

export const indexParamsSchema = z.object({
  folder: z.string().min(1),
  /** Wait for the deep lane as well (turns it on for this folder). */
  deep: z.boolean().default(false),
  /** Throw the stored index of this folder away first. */
  rebuild: z.boolean().default(false),
});
export type IndexParams = z.input<typeof indexParamsSchema>;

export type IndexPhase = 'scanning' | 'indexing' | 'embedding' | 'ready' | 'paused' | 'failed';

/** One file that is known but has no (or no parsed) chunks, and why. */
export interface FileNote {
  path: string;
  /** `binary`, `too-large`, `generated`, `minified`, `unreadable`, `not-text`, `parser-failed`, … */
  reason: string;
  /** True when the file is searchable all the same (cut by lines). */
  searchable: boolean;
}

export interface LaneStatus {
  lane: 'instant' | 'deep';
  model: string;
  dimension: number;
  device: string;
  vectors: number;
  /** Why the lane does not run, when it does not. */
  note?: string;
}

export interface FolderStatus {
  folder: string;
  phase: IndexPhase;
  /** Files with chunks in the index. */
  files: number;
  chunks: number;
  /** Distinct vectors over all lanes. */
  vectors: number;
  bytesOnDisk: number;
  /** Bytes the server holds in memory for this folder's store. */
  bytesInMemory: number;
  /** The instant lane's model; all lanes are in `lanes`. */
  model: string;
  /** Where vectors are computed: `cpu`, `webgpu (adapter)`, … */
  device: string;
  coverage: Coverage;
  lanes: LaneStatus[];
  /** Files left out or cut by lines, with reasons: counts by reason, and the first of them by name. */
  notes: { counts: Record<string, number>; examples: FileNote[] };
  languages: Record<string, number>;
  progress?: IndexProgress;
  /** The last error of the background work, if it stands. */
  error?: string;
  /** Folder on disk that holds this index. */
  indexPath: string;
}

export interface IndexProgress {
  folder: string;
  phase: IndexPhase;
  filesDone: number;
  filesTotal: number;
  chunksDone: number;
  /** Chunks per second over the last seconds. */
  chunksPerSecond: number;
  /** Estimated milliseconds left; absent while unknown. */
  millisecondsLeft?: number;
  /** Chunks in the index now. */
  chunks: number;
  message?: string;
}

export interface IndexResult {
  files: number;
  chunks: number;
  /** Files read and cut in this run. */
  filesChanged: number;
  /** Vectors computed in this run, all lanes. */
  embedded: number;
  milliseconds: number;
  coverage: Coverage;
}
