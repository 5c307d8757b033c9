/** A file cut into chunks: spans that are embedded and searched as one unit. */

export const chunkKinds = [
  'function',
  'method',
  'class',
  'type',
  'module',
  'constant',
  'test',
  'section',
  'block',
  'window',
] as const;
/**
 * `class`: class-like with members (class, struct with methods, trait, interface, object). `type`: enum, alias, struct,
 * record. `module`: namespace, or the run of top-level statements. `section`: heading of a document, key of a data file,
 * element of a page. `block`: part of a longer body. `window`: lines cut without a grammar.
 */
export type ChunkKind = (typeof chunkKinds)[number];

export interface Chunk {
  /** 1-based, inclusive; includes the doc comment directly above. */
  startLine: number;
  endLine: number;
  /**
   * Nested symbol path joined with `.`, outermost first; empty for top-level runs and windows. Of short neighbours that
   * share a chunk up to eight, joined with `, `, those after the first relative to it: `Shape.area, name`.
   */
  symbol: string;
  kind: ChunkKind;
  /** First lines of the definition up to its body, white space folded; empty for runs and windows. */
  signature: string;
  /** Text of the doc comment (or docstring) without comment markers; empty when there is none. */
  doc: string;
  /**
   * The lines `startLine..endLine` as they stand in the file, joined with `\n` and cut after 4,000 characters, which only
   * a very long line reaches.
   */
  text: string;
}

export interface ChunkedFile {
  chunks: Chunk[];
  /**
   * How the chunks came about: `parsed`, `lines` (no grammar for this language), or `parser-failed` (the parser died,
   * ran out of time or rejected the file; cut by lines instead).
   */
  method: 'parsed' | 'lines' | 'parser-failed';
  /** With `parser-failed`: what happened; with `lines`: why a grammar that should be there is missing. For a person. */
  detail?: string;
}

export interface ChunkRequest {
  path: string;
  language: string;
  text: string;
}

/** Owner of the parse processes. */
export interface Chunker {
  /** Never rejects because of a file's content; rejects with `Cancelled` on signal and after close. */
  chunk(request: ChunkRequest, signal?: AbortSignal): Promise<ChunkedFile>;
  /** Tries files again that are remembered as failures. */
  forgetFailures?(): void;
  close(): Promise<void>;
}
