import { describe, expect, it } from 'vitest';
import { bandKeys, bands } from './minhash.ts';

/** Two sets of 120 hashes that share as many as their Jaccard similarity says. */
function pair(jaccard: number, seed: number): [Uint32Array, Uint32Array] {
  const shared = Math.round((240 * jaccard) / (1 + jaccard));
  const hash = (at: number): number => {
    let z = Math.imul(at + seed * 100_003 + 1, 0x9e3779b1);
    z = Math.imul(z ^ (z >>> 15), 0x85ebca6b);
    return (z ^ (z >>> 13)) >>> 0;
  };
  const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, at) => hash(from + at));
  const both = numbers(0, shared);
  const set = (own: number[]): Uint32Array => Uint32Array.from([...both, ...own]).sort();
  return [set(numbers(1000, 120 - shared)), set(numbers(2000, 120 - shared))];
}

/** Share of 300 pairs that meet in at least one band. */
function met(jaccard: number): number {
  let count = 0;
  for (let seed = 0; seed < 300; seed++) {
    const [a, b] = pair(jaccard, seed);
    const [left, right] = [bandKeys(a), bandKeys(b)];
    if (left.some((key, band) => key === right[band])) count++;
  }
  return count / 300;
}

describe('bands', () => {
  it('bring together what is similar, as often as the formula says, and little else', () => {
    const expected = (j: number): number => 1 - (1 - j ** 3) ** bands;
    for (const jaccard of [0.67, 0.43, 0.2, 0.1]) {
      const tolerance = 4 * Math.sqrt((expected(jaccard) * (1 - expected(jaccard))) / 300) + 0.01;
      expect(Math.abs(met(jaccard) - expected(jaccard)), String(jaccard)).toBeLessThan(tolerance);
    }
    expect(met(0.67)).toBeGreaterThan(0.99);
  });

  it('give the same keys for the same set, others for another', () => {
    const [a] = pair(0.5, 1);
    expect(bandKeys(a)).toEqual(bandKeys(Uint32Array.from(a)));
    const [c] = pair(0, 99);
    expect(bandKeys(a).filter((key, band) => key === bandKeys(c)[band])).toHaveLength(0);
  });
});
