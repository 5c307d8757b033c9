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

/** A name and how often it occurs. */
export interface Count {
  /** The name. */
  name: string
  /** How often. */
  count: number
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
  /** Chunk ids. */
  ids?: Float64Array
}

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

/** Opens the store in `folder`, making it if it is not there. */
export declare function openStore(folder: string, spaces: Array<SpaceInput>): Promise<NativeStore>

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
  /** Bytes held in memory. */
  bytesInMemory: number
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
  /** Bytes held in memory. */
  bytesInMemory: number
  /** By space. */
  spaces: Array<SpaceFigures>
  /** Files by outcome, without the empty one. */
  outcomes: Array<Count>
  /** Files with chunks by language. */
  languages: Array<Count>
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
