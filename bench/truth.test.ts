import { expect, it } from 'vitest';
import { mixtureDataset } from './data/mixture.ts';
import { recallOf, truthOf, type Truth } from './truth.ts';

const truth: Truth = {
  depth: 4,
  rows: Uint32Array.of(5, 6, 7, 8),
  scores: Float32Array.of(0.9, 0.8, 0.8, 0.5),
};

it('counts what is among the nearest, once', () => {
  expect(recallOf(truth, [[6, 5]], 2)).toBe(1);
  expect(recallOf(truth, [[5, 5]], 2)).toBe(0.5);
  expect(recallOf(truth, [[8, 9]], 2)).toBe(0);
  expect(recallOf(truth, [[]], 2)).toBe(0);
});

it('lets either of two equals be the last', () => {
  expect(recallOf(truth, [[5, 7]], 2)).toBe(1);
  expect(recallOf(truth, [[6, 7]], 2)).toBe(1);
  expect(recallOf(truth, [[6, 7]], 1)).toBe(0);
});

it('finds the nearest rows of a small data set', async () => {
  const dataset = mixtureDataset({ count: 300, dimension: 32, queries: 3, seed: 1 });
  const { rows, scores, depth } = await truthOf(dataset);
  const [block] = dataset.blocks();
  const cosine = (query: number, row: number): number => {
    let sum = 0;
    for (let j = 0; j < 32; j++) sum += (dataset.queries[query * 32 + j] ?? 0) * (block?.vectors[row * 32 + j] ?? 0);
    return sum;
  };
  for (let query = 0; query < 3; query++) {
    const all = Array.from({ length: 300 }, (_, row) => cosine(query, row)).sort((a, b) => b - a);
    for (let rank = 0; rank < 10; rank++) {
      expect(scores[query * depth + rank]).toBeCloseTo(all[rank] ?? 0, 5);
      expect(cosine(query, rows[query * depth + rank] ?? 0)).toBeCloseTo(all[rank] ?? 0, 5);
    }
  }
});
