import { expect, it } from 'vitest';
import { blockRows } from './dataset.ts';
import { mixtureDataset } from './mixture.ts';

const options = { count: blockRows + 10, dimension: 64, queries: 50, seed: 7 };

function allRows(count: number): Float32Array[] {
  const { blocks, dimension } = mixtureDataset({ ...options, count });
  return [...blocks()].flatMap(({ vectors }) =>
    Array.from({ length: vectors.length / dimension }, (_, row) =>
      vectors.slice(row * dimension, (row + 1) * dimension),
    ),
  );
}

it('gives the same rows whatever their number, all of length 1', () => {
  const rows = allRows(options.count);
  expect(rows).toHaveLength(options.count);
  expect(rows.slice(0, 20)).toEqual(allRows(20));
  for (const row of rows) expect(row.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
});

it('has a mean far from zero and neighbours that stand out', () => {
  const rows = allRows(options.count);
  const { queries, dimension } = mixtureDataset(options);
  const mean = Array.from(
    { length: dimension },
    (_, j) => rows.reduce((sum, row) => sum + (row[j] ?? 0), 0) / rows.length,
  );
  expect(Math.hypot(...mean)).toBeGreaterThan(0.3);
  for (let query = 0; query < 5; query++) {
    const vector = queries.subarray(query * dimension, (query + 1) * dimension);
    const cosines = rows
      .map((row) => row.reduce((sum, value, j) => sum + value * (vector[j] ?? 0), 0))
      .sort((a, b) => b - a);
    expect(cosines[0]).toBeGreaterThan((cosines[rows.length >> 1] ?? 1) + 0.1);
    expect(cosines[0]).toBeLessThan(0.9999);
  }
});
