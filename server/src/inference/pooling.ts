/** Token vectors to one vector of unit length per text. */

export type Pooling = 'none' | 'mean' | 'cls' | 'last';

/**
 * @param tokens rows x length x dimension, row-major; for `none` rows x dimension
 * @param lengths tokens of each row that are no padding
 * @returns rows x dimension, row-major, unit length
 */
export function pool(
  tokens: Float32Array,
  pooling: Pooling,
  lengths: readonly number[],
  length: number,
  dimension: number,
): Float32Array {
  const vectors = new Float32Array(lengths.length * dimension);
  for (const [row, count] of lengths.entries()) {
    const vector = vectors.subarray(row * dimension, (row + 1) * dimension);
    if (pooling === 'none') {
      vector.set(tokens.subarray(row * dimension, (row + 1) * dimension));
    } else {
      const start = row * length;
      const [first, end] =
        pooling === 'mean' ? [0, count] : pooling === 'cls' ? [0, 1] : [Math.max(count - 1, 0), count];
      for (let token = first; token < end; token++) {
        const from = (start + token) * dimension;
        for (let i = 0; i < dimension; i++) vector[i] = (vector[i] ?? 0) + (tokens[from + i] ?? 0);
      }
    }
    normalise(vector);
  }
  return vectors;
}

/** To unit length, in place; a vector of zeros stays. */
export function normalise(vector: Float32Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) return;
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) * scale;
}
