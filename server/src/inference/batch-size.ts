/** How many tokens a batch has: by the speed that is seen, and below what the device's memory took. */

/** A batch should take about this long: so soon a cancel or a question is noticed. */
const targetMs = 80;
const firstTokens = 256;
const fewestTokens = 64;
const mostTokens = 32_768;

export class BatchSize {
  #tokens = firstTokens;
  #ceiling: number;

  /** @param ceiling tokens that were too many for the device before */
  constructor(ceiling = mostTokens) {
    this.#ceiling = Math.max(fewestTokens, Math.min(ceiling, mostTokens));
    this.#tokens = Math.min(firstTokens, this.#ceiling);
  }

  /** Tokens of the next batch, padding included. */
  get tokens(): number {
    return this.#tokens;
  }

  /** A batch of so many tokens took so long. */
  ran(tokens: number, ms: number): void {
    const ideal = (tokens * targetMs) / Math.max(ms, 1);
    // At most doubled, and down by halves: one slow batch (the first on a GPU compiles) says little.
    const next = Math.min(this.#tokens * 2, Math.max(Math.round((this.#tokens + ideal) / 2), this.#tokens / 2));
    this.#tokens = Math.floor(Math.min(this.#ceiling, Math.max(fewestTokens, next)));
  }

  /**
   * The device had no memory for a batch of so many tokens: half of it is the most from now on.
   *
   * @returns the new ceiling; undefined when a batch cannot be any smaller
   */
  ranOut(tokens: number): number | undefined {
    const half = Math.floor(tokens / 2);
    if (half < fewestTokens) return undefined;
    this.#ceiling = Math.min(this.#ceiling, half);
    this.#tokens = Math.min(this.#tokens, this.#ceiling);
    return this.#ceiling;
  }
}

/** What the providers say when memory is short: CUDA, Dawn (WebGPU), Direct3D, CPU arena. */
const outOfMemory =
  /out of memory|out_of_memory|failed to allocate|bad_alloc|E_OUTOFMEMORY|CUDA error 2\b|CUDA_ERROR_OUT_OF_MEMORY|exceeds the max.*buffer size/i;

export function isOutOfMemory(error: unknown): boolean {
  return outOfMemory.test(error instanceof Error ? error.message : String(error));
}
