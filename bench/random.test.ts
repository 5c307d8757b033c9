import { expect, it } from 'vitest';
import { Random } from './random.ts';

it('gives the numbers of the recipe', () => {
  // A twin in another language has to give these.
  const random = new Random(1, 2);
  expect([random.bits(), random.bits(), random.bits()]).toMatchInlineSnapshot(`
    [
      699245591,
      3206407979,
      1154640867,
    ]
  `);
});

it('fills an array with what single calls give, and goes on behind it', () => {
  const [one, other] = [new Random(3, 4), new Random(3, 4)];
  const filled = new Float32Array(100);
  one.fillNormal(filled);
  expect(filled).toEqual(Float32Array.from({ length: 100 }, () => other.normal()));
  expect(one.bits()).toBe(other.bits());
});

it('is about normal', () => {
  const values = new Float32Array(100_000);
  new Random(5, 6).fillNormal(values);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  expect(mean).toBeCloseTo(0, 1);
  expect(variance).toBeCloseTo(1, 1);
});
