/**
 * Which sets may be similar, without comparing all pairs: MinHash (Broder 1997) with locality-sensitive hashing by bands
 * (Leskovec, Rajaraman & Ullman, "Mining of Massive Datasets", chapter 3).
 */
import type { GramSet } from '../token-grams.ts';

/**
 * Two sets meet in at least one band with the probability `1 - (1 - j ** rows) ** bands` for their Jaccard similarity j:
 * .9999 at .67 (four fifths of the runs shared), .93 at .43 (three fifths), .03 at .1.
 */
export const bands = 32;
const rows = 3;

const multipliers = new Uint32Array(bands * rows);
const offsets = new Uint32Array(bands * rows);
for (let at = 0, state = 0x2545f491; at < bands * rows; at++) {
  state = xorshift(state);
  multipliers[at] = state | 1;
  state = xorshift(state);
  offsets[at] = state;
}

function xorshift(state: number): number {
  let x = state;
  x ^= x << 13;
  x ^= x >>> 17;
  return x ^ (x << 5);
}

/** The set's key in each band. */
export function bandKeys(set: GramSet): Uint32Array {
  const keys = new Uint32Array(bands);
  for (let band = 0; band < bands; band++) {
    let key = band;
    for (let row = 0; row < rows; row++) {
      const least = leastHash(set, multipliers[band * rows + row] ?? 1, offsets[band * rows + row] ?? 0);
      key = Math.imul(key ^ least, 0x9e3779b1);
      key ^= key >>> 15;
    }
    keys[band] = key;
  }
  return keys;
}

function leastHash(set: GramSet, multiplier: number, offset: number): number {
  let least = 0xffffffff;
  for (const value of set) {
    const hash = (Math.imul(value, multiplier) + offset) >>> 0;
    if (hash < least) least = hash;
  }
  return least;
}
