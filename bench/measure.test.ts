import { expect, it } from 'vitest';
import { combine, median, type Pass } from './measure.ts';

function passOf(time: number): Pass {
  return { latency: { p50: time, p90: time, p99: time, mean: time }, engineP50: time / 2, rows: [] };
}

it('takes the middle of the rounds, not the slower one of two', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1])).toBe(2.5);
  expect(median([7])).toBe(7);
  const two = combine([passOf(4), passOf(1)]);
  expect(two.latency.p50).toBe(2.5);
  expect(two.engineP50).toBe(1.25);
  expect(two.p50ByRound).toEqual([4, 1]);
});
