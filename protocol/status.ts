/** State of the index of one folder, and the progress a client shows while it changes. */
import { z } from 'zod';
import type { Coverage } from './search.ts';
import type { BackgroundLoad } from './settings.ts';

export const folderParamsSchema = z.object({ folder: z.string().min(1) });
export type FolderParams = z.input<typeof folderParamsSchema>;

export const indexParamsSchema = z.object({
  folder: z.string().min(1),
  /** Wait for the deep lane as well (turns it on for this folder). */
  deep: z.boolean().default(false),
  /** Throw the stored index of this folder away first. */
  rebuild: z.boolean().default(false),
  /**
   * How long the request puts up with work that waits for memory before it fails with `MemoryPressure`; without it, as
   * long as it takes. The work itself goes on.
   */
  patienceMs: z.int().min(0).optional(),
});
export type IndexParams = z.input<typeof indexParamsSchema>;

/**
 * `paused`: nothing is done until it is resumed. `cancelled`: what is indexed is kept up to date, the rest was given up
 * until it is resumed. Both outlast the server.
 */
export type IndexPhase = 'scanning' | 'indexing' | 'embedding' | 'ready' | 'paused' | 'cancelled' | 'failed';

/** One file that is known but has no (or no parsed) chunks, and why. */
export interface FileNote {
  path: string;
  /** `binary`, `too-large`, `generated`, `minified`, `unreadable`, `not-text`, `parser-failed`, … */
  reason: string;
  /** True when the file is searchable all the same (cut by lines, or without vectors of the deep lane). */
  searchable: boolean;
  /** What happened, for a person, where there is more to say than the reason. */
  detail?: string;
}

export interface RetryResult {
  /** Files that are tried again. */
  files: number;
}

export const filesParamsSchema = z.object({
  folder: z.string().min(1),
  limit: z.int().min(1).max(10_000).default(1000),
  /** The last path of the page before. */
  after: z.string().optional(),
});
export type FilesParams = z.input<typeof filesParamsSchema>;

/** One file as it is in the index. */
export interface IndexedFile {
  path: string;
  language: string;
  size: number;
  /** Milliseconds since 1970; negative for a text that is in an editor and not on the disk. */
  mtimeMs: number;
  /** First half of the SHA-256 of the content, hexadecimal; zeros when it was not read. */
  contentHash: string;
  /** As in {@link FileNote.reason}; empty: indexed as it should be. */
  outcome: string;
  chunks: IndexedChunk[];
}

export interface IndexedChunk {
  startLine: number;
  endLine: number;
  /** Of the text that is embedded, hexadecimal. */
  key: string;
  /** Lanes that have no vector for it. */
  missing: string[];
}

export interface FilesResult {
  files: IndexedFile[];
  /** There are more, after the last of these. */
  more: boolean;
}

export interface LaneStatus {
  lane: 'instant' | 'deep';
  model: string;
  dimension: number;
  device: string;
  vectors: number;
  /** Why the lane does not run, when it does not. */
  note?: string;
  /** Why this device and no other: a sentence. */
  why?: string;
  /** Nodes of the model's graph, and those that fell back to the CPU; known once the model was loaded. */
  nodes?: number;
  nodesOnCpu?: number;
  /** Operators that fell back. */
  cpuOperators?: string[];
  /** The model is in memory; it is loaded when needed. */
  loaded?: boolean;
}

/** From nothing to do, through giving up caches step by step, to writers that have to wait. */
export const pressureLevels = ['normal', 'shrink-caches', 'drop-int8', 'bits-only', 'refuse-writes'] as const;
export type PressureLevel = (typeof pressureLevels)[number];

/** The level was crossed, up or down. */
export interface MemoryAlert {
  /** Grows by one with every alert of this server. */
  sequence: number;
  /** Milliseconds since 1970. */
  atMs: number;
  level: PressureLevel;
  message: string;
}

/** One class of pages in the engine's cache: `1-bit codes`, `4-bit planes`, `int8 codes` or `f16 vectors`. */
export interface TierStatus {
  class: string;
  pages: number;
  bytes: number;
  hits: number;
  misses: number;
  evictions: number;
  promotions: number;
}

/** Memory of the engine: of the whole server, all open folders together. */
export interface MemoryStatus {
  /** 0 to 1; above 0.8 writers wait. */
  pressure: number;
  level: PressureLevel;
  /**
   * What the pressure comes from: `own` (the memory budget), `vectors` and `disk` (their limits), `machine`, `container`
   * (little memory left there), `stall` (programs wait for memory).
   */
  cause: string;
  /** The same as a sentence for people. */
  explanation: string;
  /** Bytes. */
  budget: number;
  used: number;
  /** What holds them, largest first. */
  parts: { name: string; bytes: number }[];
  tiers: TierStatus[];
  /** The latest ones, oldest first. */
  alerts: MemoryAlert[];
  /** Which pages stay when not all of them fit. */
  policy: string;
  /** Instructions the searches run on: `avx2`, `neon`, … */
  kernel: string;
}

/** What happened to the GPU: opened, compared with the CPU, lost, short of memory. */
export interface GpuEvent {
  /** Grows by one. */
  sequence: number;
  /** Milliseconds since 1970. */
  atMs: number;
  message: string;
}

/** The GPU's part in searches; that of models is in {@link LaneStatus}. */
export interface GpuStatus {
  /** `off`, `auto` or `on`, as set. */
  mode: string;
  /** What it does or why it does nothing, as a sentence for people. */
  sentence: string;
  /** As its driver names it; absent while none is open. */
  adapter?: string;
  /** `discrete`, `integrated`, `virtual`, `software` or `other`. */
  kind?: string;
  /** API and driver. */
  driver?: string;
  /** Bytes of its memory: what may be held, what is held, and what of that are vectors. */
  budget: number;
  held: number;
  vectors: number;
  /** Pages of vectors that searches found there, did not find there, and that made room for others. */
  hits: number;
  misses: number;
  evictions: number;
  /** Searches it answered, and those that went back to the CPU because it failed. */
  searches: number;
  failedOver: number;
  /** The latest comparison with the CPU, on so many vectors. */
  check?: { rows: number; equal: boolean; cpuMs: number; gpuMs: number; used: boolean };
  /** The latest ones, oldest first. */
  events: GpuEvent[];
}

/** The vectors of one model in this repository. */
export interface SpaceStatus {
  name: string;
  vectors: number;
  /** How they are searched: `int8`, `1-bit`, `cells`, `lsh`, or `empty`. */
  index: string;
  /** Cells they are divided into; 0 while they are not. */
  cells: number;
  /** Vectors that have no small codes yet: they are made in the background. */
  raw: number;
  /** Vectors that no current file refers to; the first to go when disk is short. */
  unreferenced: number;
  bytesOnDisk: number;
  /** Outside the page cache, see {@link MemoryStatus.tiers}. */
  bytesInMemory: number;
  /** Why work in the background stopped, while it stands still. */
  trouble?: string;
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
  /** Bytes the server holds in memory for this folder's store, outside the page cache that all share. */
  bytesInMemory: number;
  /** The instant lane's model; all lanes are in `lanes`. */
  model: string;
  /** Where vectors are computed: `cpu`, `webgpu (adapter)`, … */
  device: string;
  coverage: Coverage;
  lanes: LaneStatus[];
  /** Files left out, cut by lines or without vectors, with reasons: counts by reason, and the first of them by name. */
  notes: { counts: Record<string, number>; examples: FileNote[] };
  languages: Record<string, number>;
  progress?: IndexProgress;
  memory: MemoryStatus;
  /** Of the whole server, as `memory` is. */
  gpu: GpuStatus;
  /** Bytes of this repository's index, and what it may take; a budget of 0 is none. */
  disk: { used: number; budget: number };
  spaces: SpaceStatus[];
  /** How much of the machine background work takes now, and why. */
  background: { load: BackgroundLoad; why: string };
  /** Texts embedded since the server opened the folder, all lanes. */
  embedded: number;
  /** The last error of the background work, if it stands, or why the folder is watched in a limited way only. */
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
  /** Why the work stands still though nobody paused it (memory or disk is short); it goes on by itself. */
  waiting?: string;
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
