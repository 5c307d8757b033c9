import { expect, test } from 'vitest';
import { generator } from '../../contract/material.ts';
import { median, quantile, trendOf, type Sample } from './trend.ts';

function series(count: number, value: (at: number, random: () => number) => number, seed = 1): Sample[] {
  const random = generator(seed);
  return Array.from({ length: count }, (_, at) => ({ at, value: value(at, random) }));
}

test('a slope is found under noise and wild samples', () => {
  const growing = series(60, (at, random) => 100 + 0.5 * at + random() * 10 + (at % 9 === 0 ? 500 : 0));
  const { slope, low, high } = trendOf(growing);
  expect(slope).toBeCloseTo(0.5, 1);
  expect(low).toBeGreaterThan(0.3);
  expect(high).toBeLessThan(0.7);
});

test('noise without a slope holds zero within its bounds nineteen times of twenty', () => {
  const held = Array.from({ length: 200 }, (_, seed) => {
    const { low, high } = trendOf(series(40, (_at, random) => random() * 10, seed));
    return low <= 0 && high >= 0;
  });
  expect(held.filter(Boolean).length).toBeGreaterThan(180);
  expect(held.filter(Boolean).length).toBeLessThan(200);
});

test('steps that go up and down again are no growth', () => {
  const { low } = trendOf(series(60, (at) => (Math.floor(at / 5) % 2) * 50));
  expect(low).toBeLessThanOrEqual(0);
});

test('few samples tell nothing', () => {
  expect(trendOf(series(7, (at) => at))).toEqual({ slope: 0, low: -Infinity, high: Infinity });
});

test('quantiles', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(quantile([1, 2, 3, 4], 0.99)).toBe(4);
  expect(quantile([], 0.5)).toBeNaN();
});
