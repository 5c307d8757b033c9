// Written by scripts/build-native.mjs --types from the Rust sources; do not edit.
/** Handed to a call that can be cancelled; `cancel` makes that call reject with `Cancelled`. */
export declare class CancelToken {
  /** A token nobody has cancelled. */
  constructor()
  /** Cancels. Idempotent. */
  cancel(): void
}

/** A held lock. It stays held when the object is collected: only `release` or the end of the process frees it. */
export declare class FileLock {
  /** Frees the lock. Idempotent. */
  release(): void
}

/** An open store. */
export declare class NativeStore {
  /** Applies a batch, all of it or nothing. The arrays must not be changed until the promise settles. */
  commit(tree: string, put: FileColumns, remove: Array<string>, vectors: Array<VectorColumns>): Promise<CommitOutput>
  /** The nearest chunks of each vector. */
  searchVectors(tree: string, space: string, vectors: Float32Array, k: number, filter?: FilterInput | undefined | null, cancel?: CancelToken | undefined | null): Promise<HitColumns>
  /** The best chunks of each query by BM25. */
  searchText(tree: string, queries: Array<string>, k: number, filter?: FilterInput | undefined | null, cancel?: CancelToken | undefined | null): Promise<HitColumns>
  /** Candidates for a query, with what the lexical index knows of each. */
  rankText(tree: string, query: TextQueryInput, filter?: FilterInput | undefined | null, cancel?: CancelToken | undefined | null): Promise<CandidateColumns>
  /** Chunks by id, in that order. */
  chunksById(ids: Float64Array): Promise<ChunkColumns>
  /** Chunks of one file, by start line. */
  chunksOfFile(tree: string, path: string): Promise<ChunkColumns>
  /** Known files in path order. */
  files(tree: string, limit: number, after?: string | undefined | null): Promise<FilePageColumns>
  /** Which of these keys have no vector. */
  missingKeys(space: string, keys: Uint8Array, limit: number): Promise<MissingOutput>
  /** Which files of this tree have chunks without a vector. */
  missingPaths(space: string, tree: string, limit: number): Promise<MissingOutput>
  /** Figures of the store and of one tree. */
  stats(tree: string): Promise<StatsOutput>
  /** Waits for running calls, makes everything durable and frees the folder. Later calls are refused. */
  close(): Promise<void>
}

/** An open index of vectors. */
export declare class NativeVectorIndex {
  /**
   * Appends vectors, durable and visible when the promise settles; gives the first one's row. Keys must be new. The
   * arrays must not be changed until then.
   */
  append(keys: Uint8Array, vectors: Float32Array): Promise<number>
  /** The `k` nearest rows of each query (`n x dimension` numbers). */
  search(queries: Float32Array, k: number, options?: VectorSearchInput | undefined | null, cancel?: CancelToken | undefined | null): Promise<RowColumns>
  /** Waits until no background work is left to do. */
  settle(): Promise<void>
  /** Figures. */
  stats(): Promise<VectorIndexFigures>
  /** Makes everything durable and lets go of the files, once running calls are done. Later calls are refused. */
  close(): Promise<void>
}

/** Static token vectors: texts to vectors of unit length, off the event loop. */
export declare class StaticEmbedder {
  /**
   * Loads `vectors.bin` and the vocabulary that belongs to it. Rejects with `InstallWhatIsMissing`, `UpdateTiercel` or
   * `FixTheMachine`.
   *
   * # Errors
   * When Node cannot make a promise.
   */
  static load(vectorsPath: string, vocabularyPath: string): Promise<StaticEmbedder>
  /** Components of a vector. */
  get dimension(): number
  /** Changes whenever the vectors would. */
  get checksum(): number
  /**
   * `texts.length` x `dimension` components, row-major. A text without a known word gets (1, 0, 0, ...).
   *
   * # Errors
   * When Node cannot make a promise.
   */
  embed(texts: Array<string>): Promise<Float32Array>
}

/** Tries to take the lock at `path` (its folder must exist) without waiting: the lock, or who has it. */
export declare function acquireFileLock(path: string): FileLock | LockHolder

/** A crossing of a threshold. */
export interface AlertFigures {
  /** Grows by one. */
  sequence: number
  /** Milliseconds since 1970. */
  atMs: number
  /** The level from then on. */
  level: string
  /** For people. */
  message: string
}

/** A part and what it holds. */
export interface Bytes {
  /** The part. */
  name: string
  /** Bytes. */
  bytes: number
}

/** Candidates with their signals. */
export interface CandidateColumns {
  /** Names of the signals. */
  names: Array<string>
  /** One per candidate. */
  ids: Float64Array
  /** As many per candidate as there are names. */
  signals: Float32Array
}

/** Chunks. */
export interface ChunkColumns {
  /** One per chunk. */
  ids: Float64Array
  /** One per chunk. */
  paths: Array<string>
  /** One per chunk. */
  languages: Array<string>
  /** One per chunk. */
  startLines: Uint32Array
  /** One per chunk. */
  endLines: Uint32Array
  /** 16 bytes per chunk. */
  keys: Uint8Array
  /** All payloads, one after the other. */
  payloads: Uint8Array
  /** One per chunk: where its payload ends. */
  payloadEnds: Uint32Array
}

/** What a commit gives back. */
export interface CommitOutput {
  /** Number of the commit. */
  generation: number
  /** Files with chunks in the tree after it. */
  files: number
  /** Chunks in the tree after it. */
  chunks: number
}

/** Changes settings for the whole process, at any time. */
export declare function configureEngine(settings: EngineSettings): void

/**
 * Opens the GPU as the user wants it, or closes it. Resolves with whether one is open: that there is none which may be
 * used is no error, but the sentence of `gpuStatus`.
 */
export declare function configureGpu(input: GpuInput): Promise<boolean>

/** A name and how often it occurs. */
export interface Count {
  /** The name. */
  name: string
  /** How often. */
  count: number
}

/** Settings of the engine; absent members stay as they are. */
export interface EngineSettings {
  /** Bytes of memory for everything the engine holds. */
  memoryBudget?: number
  /** Bytes on the disk per store, 0 for no limit. */
  diskBudget?: number
  /** Vectors in all open stores, 0 for no limit. */
  maxVectors?: number
  /** `lru`, `lfu`, `s3-fifo` or `w-tinylfu`. */
  policy?: string
  /** Threads of a search, 0 for as many as are good on this machine. */
  threads?: number
  /** Whether 4-bit codes are made. For stores opened afterwards. */
  planes?: boolean
  /** Whether new spaces keep half floats. For stores opened afterwards. */
  halves?: boolean
  /** `auto`, `exact` or `lsh`. For stores opened afterwards. */
  index?: string
  /** Share of the true nearest neighbours a search is to find, 0.5 to 1. */
  recall?: number
}

/** What the engine holds now, with the alerts after `alerts_since`. */
export declare function engineStatus(alertsSince?: number | undefined | null): EngineStatus

/** What the engine holds and how it fares. */
export interface EngineStatus {
  /** 0 to 1; writers are refused above 0.8. */
  pressure: number
  /** `normal`, `shrink-caches`, `drop-int8`, `bits-only` or `refuse-writes`. */
  level: string
  /** What the pressure comes from. */
  cause: string
  /** A sentence for people. */
  explanation: string
  /** Bytes. */
  memoryBudget: number
  /** Bytes held: caches and all else. */
  memoryUsed: number
  /** Bytes resident in the process, if the system tells. */
  resident?: number
  /** By part. */
  parts: Array<Bytes>
  /** Page cache by class of codes. */
  tiers: Array<TierFigures>
  /** The latest, oldest first. */
  alerts: Array<AlertFigures>
  /** Which instructions the scans use. */
  kernel: string
  /** Which pages stay in memory. */
  policy: string
  /** Vectors in all open stores. */
  vectors: number
}

/** Files with their chunks. The chunk columns hold the chunks of all files, file after file. */
export interface FileColumns {
  /** One per file. */
  paths: Array<string>
  /** One per file. */
  languages: Array<string>
  /** One per file: bytes. */
  sizes: Float64Array
  /** One per file: milliseconds since 1970. */
  mtimes: Float64Array
  /** 16 bytes per file. */
  contentHashes: Uint8Array
  /** One per file. */
  outcomes: Array<string>
  /** One per file: how many chunks it has. */
  chunkCounts: Uint32Array
  /** 16 bytes per chunk. */
  keys: Uint8Array
  /** One per chunk. */
  startLines: Uint32Array
  /** One per chunk. */
  endLines: Uint32Array
  /** All payloads, one after the other. */
  payloads: Uint8Array
  /** One per chunk: where its payload ends. */
  payloadEnds: Uint32Array
  /** One per chunk. */
  symbols: Array<string>
  /** One per chunk. */
  docs: Array<string>
  /** One per chunk. */
  bodies: Array<string>
}

/** Known files. */
export interface FilePageColumns {
  /** One per file. */
  paths: Array<string>
  /** One per file. */
  languages: Array<string>
  /** One per file. */
  sizes: Float64Array
  /** One per file. */
  mtimes: Float64Array
  /** 16 bytes per file. */
  contentHashes: Uint8Array
  /** One per file. */
  outcomes: Array<string>
  /** One per file. */
  chunkCounts: Uint32Array
  /** Whether more follow. */
  more: boolean
}

/** Which chunks may be returned; absent members let everything pass. */
export interface FilterInput {
  /** Language ids. */
  languages?: Array<string>
  /** Globs over paths. */
  paths?: Array<string>
  /** Globs over paths that do not pass. */
  excluded?: Array<string>
  /** Chunk ids. */
  ids?: Float64Array
}

/** What the self-check found. */
export interface GpuCheckFigures {
  /** Vectors that were compared. */
  rows: number
  /** Whether the GPU gave what the CPU gave. */
  equal: boolean
  /** Milliseconds. */
  cpuMs: number
  /** Milliseconds. */
  gpuMs: number
  /** Whether searches of this size use the GPU. */
  used: boolean
}

/** What happened to the GPU. */
export interface GpuEventFigures {
  /** Grows by one, from 1 again when the GPU was configured anew. */
  sequence: number
  /** Milliseconds since 1970. */
  atMs: number
  /** For people. */
  message: string
}

/** The GPU's part in searches. */
export interface GpuFigures {
  /** A sentence for people. */
  sentence: string
  /** As its driver names it; absent while none is open. */
  adapter?: string
  /** `discrete`, `integrated`, `virtual`, `software` or `other`. */
  kind?: string
  /** API and driver. */
  driver?: string
  /** Bytes of its memory that may be held. */
  budget: number
  /** Bytes of its memory that are held. */
  held: number
  /** Pages of 1-bit codes there, and their bytes. */
  pages: number
  /** Bytes. */
  pageBytes: number
  /** Pages that searches found there, and did not. */
  hits: number
  /** Not found. */
  misses: number
  /** Pages that made room for others. */
  evictions: number
  /** Searches it answered. */
  searches: number
  /** Searches that went back to the CPU. */
  failedOver: number
  /** The latest comparison with the CPU. */
  check?: GpuCheckFigures
  /** The latest, oldest first. */
  events: Array<GpuEventFigures>
}

/** What the user wants of the GPU. */
export interface GpuInput {
  /** `off`, `auto` or `on`. */
  mode: string
  /** Bytes of its memory, 0 for what is free less a reserve. */
  memoryBudget: number
  /** Takes a program on the CPU for a GPU. */
  allowSoftware: boolean
  /** Folder for compiled kernels. */
  pipelineCache: string
}

/** The GPU as it is now. */
export declare function gpuStatus(): GpuFigures

/** Hits of several queries, one after the other. */
export interface HitColumns {
  /** One per query: how many hits it has. */
  counts: Uint32Array
  /** One per hit. */
  ids: Float64Array
  /** One per hit. */
  scores: Float64Array
}

/** Who has the lock instead. */
export interface LockHolder {
  /** Process id of the holder, when it could be read. */
  pid?: number
}

/** What lacks vectors. */
export interface MissingOutput {
  /** 16 bytes per key. */
  keys: Uint8Array
  /** Paths of files. */
  paths: Array<string>
}

/**
 * Opens the store in `folder`, making it if it is not there. With `keep`, spaces that are neither opened nor named there
 * are deleted.
 */
export declare function openStore(folder: string, spaces: Array<SpaceInput>, keep?: Array<string> | undefined | null): Promise<NativeStore>

/** Opens the index in `folder`, making it if it is not there. */
export declare function openVectorIndex(folder: string, options: VectorIndexInput): Promise<NativeVectorIndex>

/** Rows found, query after query. */
export interface RowColumns {
  /** One per query: how many hits it has. */
  counts: Uint32Array
  /** One per hit. */
  rows: Uint32Array
  /** One per hit: cosine similarity. */
  scores: Float64Array
  /** One per query: microseconds in the engine. */
  micros: Float64Array
}

/** Figures of one space. */
export interface SpaceFigures {
  /** Its name. */
  name: string
  /** Components of a vector. */
  dimension: number
  /** Vectors stored, for all trees. */
  vectors: number
  /** Chunks of the tree that have one. */
  covered: number
  /** Bytes held in memory outside the page cache. */
  bytesInMemory: number
  /** Vectors that no chunk of any tree refers to. */
  unreferenced: number
  /** How vectors are found: `empty`, `int8`, `1-bit`, `cells` or `lsh`. */
  index: string
  /** Cells, 0 without any. */
  cells: number
  /** Vectors that have no small codes yet. */
  raw: number
  /** Size of its files. */
  bytesOnDisk: number
  /** Why background work stopped, if it did. */
  trouble?: string
}

/** A vector space to open. */
export interface SpaceInput {
  /** Unique name. */
  name: string
  /** Components of a vector. */
  dimension: number
}

/** Figures of the store and of one tree. */
export interface StatsOutput {
  /** Number of the last commit. */
  generation: number
  /** Files of the tree with chunks. */
  files: number
  /** All files of the tree. */
  knownFiles: number
  /** Chunks of the tree. */
  chunks: number
  /** Size of the store's folder. */
  bytesOnDisk: number
  /** Bytes held in memory outside the page cache. */
  bytesInMemory: number
  /** The same by part. */
  memory: Array<Bytes>
  /** By space. */
  spaces: Array<SpaceFigures>
  /** Files by outcome, without the empty one. */
  outcomes: Array<Count>
  /** Files with chunks by language. */
  languages: Array<Count>
}

/** A question to the lexical index. */
export interface TextQueryInput {
  /** Any text. */
  text: string
  /** Texts that must occur as they are. */
  phrases: Array<string>
  /** Words that say little here. */
  quiet: Array<string>
  /** Whether the last word may be the beginning of a symbol. */
  prefix: boolean
  /** How body, symbol, documentation and path count. */
  weights: Float32Array
  /** How many chunks are wanted by their own score. */
  chunks: number
  /** How many by the score of their file. */
  files: number
  /** Chunks that are wanted in any case. */
  also: Float64Array
}

/** One class of codes in the page cache. */
export interface TierFigures {
  /** `bits`, `planes`, `bytes` or `halves`. */
  class: string
  /** In memory. */
  pages: number
  /** In memory. */
  bytes: number
  /** Found in memory. */
  hits: number
  /** Read from the disk. */
  misses: number
  /** Given up for others. */
  evictions: number
  /** Brought in because queries asked for them often. */
  promotions: number
}

/** Vectors of one space. The arrays must not be changed until the call has settled. */
export interface VectorColumns {
  /** Name of the space. */
  space: string
  /** 16 bytes per row. */
  keys: Uint8Array
  /** Dimension numbers per row. */
  vectors: Float32Array
}

/** Figures of an index. */
export interface VectorIndexFigures {
  /** `empty`, `int8`, `1-bit`, `cells` or `lsh`. */
  index: string
  /** Rows stored. */
  rows: number
  /** Cells, 0 without any. */
  cells: number
  /** Rows that have no small codes yet. */
  rawRows: number
  /** Size of the folder. */
  bytesOnDisk: number
  /** Bytes held outside the page cache, by part. */
  memory: Array<Bytes>
  /** Files of vectors and codes. */
  files: number
  /** Whether background work is under way. */
  working: boolean
  /** What stopped it, if something did. */
  trouble?: string
}

/** How an index is made and kept. */
export interface VectorIndexInput {
  /** Components of a vector. */
  dimension: number
  /** `auto`, `exact` or `lsh`; as configured when absent. */
  index?: string
  /** Whether half floats are kept on the disk for the last ranking step. */
  halves?: boolean
  /** Whether 4-bit codes are made. */
  planes?: boolean
  /** Rows below this number count; absent: all that were appended before the index was closed. */
  committed?: number
}

/** How a search is done. */
export interface VectorSearchInput {
  /** Share of the true nearest neighbours to find, 0.5 to 1. */
  recall?: number
  /** Compare every row. */
  exact?: boolean
  /** Rows that may be returned; absent: all. */
  rows?: Uint32Array
}
