/**
 * The store of one repository: files, chunks, vectors and the lexical index behind one interface.
 *
 * Terms. A *tree* is one indexed work tree (its absolute root path); worktrees of a repository are several trees in one
 * store and share vectors. A *chunk* is a span of a file. A chunk's *key* is the 16-byte hash of the text that was
 * embedded; vectors are kept per (space, key), so equal text is embedded once. A *space* is one model's vectors.
 *
 * All methods are asynchronous, batched and run off the event loop. Those that take a `signal` reject with `Cancelled`
 * within milliseconds after it fires and leave the store as if they had not been called.
 */

/** Bytes of a chunk key and of a content hash. */
export const hashBytes = 16;

export interface SpaceSpec {
  /** Unique name, contains the model identity: `instant:…`. A changed model is a new space. */
  name: string;
  dimension: number;
}

export interface ChunkRecord {
  /** 16 bytes. */
  key: Uint8Array;
  startLine: number;
  endLine: number;
  /** Opaque to the store; given back by {@link VectorStore.chunks}. */
  payload: Uint8Array;
  /** Lexical fields. */
  symbol: string;
  doc: string;
  body: string;
}

/** Why a file has no chunks, or chunks that are not the parser's. Empty: indexed as it should be. */
export type FileOutcome = string;

export interface FileState {
  path: string;
  language: string;
  size: number;
  mtimeMs: number;
  /** 16 bytes; all zero when the content was not read. */
  contentHash: Uint8Array;
  outcome: FileOutcome;
}

export interface FileRecord extends FileState {
  chunks: ChunkRecord[];
}

export interface VectorBatch {
  space: string;
  /** n x 16 bytes. */
  keys: Uint8Array;
  /** n x dimension, row-major, finite, not all zero; normalised by the store. */
  vectors: Float32Array;
}

export interface CommitBatch {
  tree: string;
  /** Files that are new or changed: each replaces all the store knows of that path. */
  put: FileRecord[];
  remove: string[];
  vectors: VectorBatch[];
}

export interface CommitReceipt {
  generation: number;
  files: number;
  chunks: number;
}

/** A filter never lowers recall: the k best of what passes are returned. Absent members let everything pass. */
export interface Filter {
  languages?: string[];
  /** Globs over paths; one must match. `**` crosses folders, a pattern without `/` matches the file name anywhere. */
  paths?: string[];
  /** Globs over paths; a file that matches one is left out. */
  excluded?: string[];
  /** Chunk ids that may be returned. */
  ids?: Float64Array;
}

export interface Hit {
  /** Chunk id, unique within the store and never reused. */
  id: number;
  /** Cosine similarity (-1..1) or BM25F score. */
  score: number;
}

export interface VectorQuery {
  tree: string;
  space: string;
  /** n x dimension, row-major. */
  vectors: Float32Array;
  k: number;
  filter?: Filter;
}

export interface TextQuery {
  tree: string;
  queries: string[];
  k: number;
  filter?: Filter;
}

/** A question to the lexical index whose answers are to be ranked by more than their score. */
export interface RankQuery {
  tree: string;
  text: string;
  /** Texts that must occur in a chunk as they are, but for case and punctuation. */
  phrases: string[];
  /** Words that say little here, such as the repository's own name. */
  quiet: string[];
  /** Whether the last word may be the beginning of a symbol. */
  prefix: boolean;
  weights: FieldWeights;
  /** Chunks wanted by their own score, and by the score of their file. */
  chunks: number;
  files: number;
  /** Chunks wanted in any case. */
  also: Float64Array;
  filter?: Filter;
}

/** How much a term counts in each field of a chunk. */
export interface FieldWeights {
  body: number;
  symbol: number;
  doc: number;
  path: number;
}

/**
 * What the lexical index knows of a chunk and its file with regard to a query. Scores are sums over the query's words of
 * `weight * idf * saturated frequency`; shares (`…Covered`, `namePrecision`) are from 0 to 1.
 */
export interface TextSignals {
  /** BM25F of the chunk, then BM25 of its single fields. */
  score: number;
  body: number;
  symbol: number;
  doc: number;
  /** Share of the query, by idf, that occurs in the chunk. */
  covered: number;
  /** BM25 of the whole file. */
  file: number;
  /** Sum of the three best scores of the file's chunks. */
  fileBest: number;
  fileCovered: number;
  /** Share of the query that the file's name has, and share of the name's words that the query has. */
  nameCovered: number;
  namePrecision: number;
  folderCovered: number;
  fileTokens: number;
}

export interface TextCandidate {
  id: number;
  signals: TextSignals;
}

export interface ChunkInfo {
  id: number;
  path: string;
  language: string;
  startLine: number;
  endLine: number;
  key: Uint8Array;
  payload: Uint8Array;
}

/** Which chunks {@link VectorStore.chunks} gives back. */
export type ChunkSelector =
  | { ids: Float64Array }
  /** All chunks of one file, by start line. */
  | { tree: string; path: string };

export interface FilePage {
  files: (FileState & { chunkCount: number })[];
  /** Pass as `after` to read on; absent on the last page. */
  next?: string;
}

export interface MissingQuery {
  space: string;
  /** Either: which of these keys have no vector in the space. n x 16 bytes. */
  keys?: Uint8Array;
  /** Or: the files of this tree, by path, with chunks that have no vector in the space. */
  tree?: string;
  limit: number;
}

export interface MissingResult {
  /** m x 16 bytes, in the order asked, without duplicates; empty when asked by tree. */
  keys: Uint8Array;
  paths: string[];
}

export interface SpaceStats {
  name: string;
  dimension: number;
  /** Distinct vectors stored. */
  vectors: number;
  /** Chunks of the asked tree that have one. */
  covered: number;
  /** Outside the page cache that all spaces share. */
  bytesInMemory: number;
  /** How the vectors are searched: `int8`, `1-bit`, `cells`, `lsh`, or `empty`. */
  index?: string;
  /** Cells they are divided into; 0 while they are not. */
  cells?: number;
  /** Vectors that have no small codes yet: they are made in the background. */
  raw?: number;
  /** Vectors that no chunk of any tree refers to. */
  unreferenced?: number;
  bytesOnDisk?: number;
  /** Why work in the background stopped, while it stands still. */
  trouble?: string;
}

export interface StoreStats {
  generation: number;
  /** Of the asked tree: files with at least one chunk, all known files, chunks. */
  files: number;
  knownFiles: number;
  chunks: number;
  bytesOnDisk: number;
  /** Outside the page cache that all stores share. */
  bytesInMemory: number;
  /** What `bytesInMemory` is made of. */
  memory?: { name: string; bytes: number }[];
  spaces: SpaceStats[];
  /** Known files by outcome, without the empty outcome. */
  outcomes: Record<string, number>;
  /** Files with chunks, by language. */
  languages: Record<string, number>;
}

export interface VectorStore {
  /**
   * Durable and atomic: after a crash either all of the batch is there or none of it. Commits are serialised. Rejects with
   * `MemoryPressure` while memory or disk is short: nothing was written, and the same batch is to be tried again.
   */
  commit(batch: CommitBatch): Promise<CommitReceipt>;
  /** Per query vector the k nearest chunks by cosine similarity, best first, ties by id. */
  searchVectors(query: VectorQuery, signal?: AbortSignal): Promise<Hit[][]>;
  /** Per query the k best chunks by BM25F, best first. */
  searchText(query: TextQuery, signal?: AbortSignal): Promise<Hit[][]>;
  /** Unknown ids are left out. Order: as asked, or by start line. */
  chunks(selector: ChunkSelector): Promise<ChunkInfo[]>;
  /** Known files of a tree in path order, from after `after`. */
  files(tree: string, limit: number, after?: string): Promise<FilePage>;
  missing(query: MissingQuery): Promise<MissingResult>;
  stats(tree: string): Promise<StoreStats>;
  /** Idempotent; running calls finish first. */
  close(): Promise<void>;
}

/** A store that also says what its lexical index knows of each candidate. */
export interface RankedStore extends VectorStore {
  /** Candidates by their own score, then those of the best files, then those of `also`; each once. */
  rankText(query: RankQuery, signal?: AbortSignal): Promise<TextCandidate[]>;
}

export interface OpenOptions {
  /** Folder of this store; made if absent. */
  directory: string;
  spaces: SpaceSpec[];
  /** Names of spaces that stay beside those: all others are deleted. Without it none is. */
  keep?: string[] | undefined;
}
