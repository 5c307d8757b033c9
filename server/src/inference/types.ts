/** Text to vectors. */

export interface ModelInfo {
  /** Stable identity, part of a vector space's name: changes whenever the vectors would. */
  id: string;
  dimension: number;
  licence: string;
}

/**
 * `query` may get another prefix or treatment than `passage` (text that is searched). `similar` is treated like a passage
 * but, as a person waits for it, goes before them.
 */
export type TextRole = 'query' | 'passage' | 'similar';

export interface Embedder {
  readonly model: ModelInfo;
  /** Where it runs, for a person: `cpu`, `webgpu (NVIDIA RTX 3050)`, … */
  readonly device: string;
  /**
   * @returns n x dimension, row-major, unit length; a text without any known token gets the vector (1, 0, 0, …).
   * @throws TiercelError `Cancelled` on signal, `InstallWhatIsMissing` when the model cannot be loaded.
   */
  embed(texts: readonly string[], role: TextRole, signal?: AbortSignal): Promise<Float32Array>;
  /** Absent where a model is always in memory. False: the next question starts a process. */
  readonly loaded?: boolean;
  /** Why the model could not be brought into memory the last time. */
  readonly failure?: string | undefined;
  /** Brings the model into memory ahead of need. */
  load?(): Promise<void>;
  close(): Promise<void>;
}
