/** Text to vectors. */

export interface ModelInfo {
  /** Stable identity, part of a vector space's name: changes whenever the vectors would. */
  id: string;
  dimension: number;
  licence: string;
}

/** `query` may get another prefix or treatment than `passage` (text that is searched). */
export type TextRole = 'query' | 'passage';

export interface Embedder {
  readonly model: ModelInfo;
  /** Where it runs, for a person: `cpu`, `webgpu (NVIDIA RTX 3050)`, … */
  readonly device: string;
  /**
   * @returns n x dimension, row-major, unit length; a text without any known token gets the vector (1, 0, 0, …).
   * @throws TiercelError `Cancelled` on signal, `InstallWhatIsMissing` when the model cannot be loaded.
   */
  embed(texts: readonly string[], role: TextRole, signal?: AbortSignal): Promise<Float32Array>;
  close(): Promise<void>;
}
