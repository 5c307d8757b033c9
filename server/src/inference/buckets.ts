/** Lengths that batches are padded to. */

/**
 * On a GPU few shapes are better than exact ones, since it compiles per shape; on the CPU every token of padding costs.
 *
 * @returns the length a text of `tokens` tokens is padded to, at most `most`
 */
export function bucketOf(tokens: number, gpu: boolean, most: number): number {
  if (!gpu) return tokens;
  const step = tokens <= 64 ? 16 : tokens <= 256 ? 32 : 128;
  return Math.max(tokens, Math.min(most, Math.ceil(tokens / step) * step));
}
