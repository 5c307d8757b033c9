import { expect, test } from 'vitest';
import { speedupOf } from './verdicts.ts';

/** A second in which the median search and the plain loop took so many milliseconds. */
const second = (p50: number, scalar: number) => ({ search: { count: 300, p50, p99: 10 * p50 }, scalar });

test('neighbours that slow down searches, or the loop, are not counted, slower searches are', () => {
  const undisturbed = [second(0.6, 40), second(0.65, 41), second(0.6, 40), second(0.62, 40)];
  const disturbed = [second(1.4, 44), second(0.61, 41), second(1.1, 40), second(0.9, 168)];
  expect(speedupOf(disturbed) / speedupOf(undisturbed)).toBeCloseTo(1, 1);
  const slower = undisturbed.map(({ search, scalar }) => second(search.p50 * 1.6, scalar));
  expect(speedupOf(undisturbed) / speedupOf(slower)).toBeCloseTo(1.6);
});

test('seconds without a search tell nothing', () => {
  const idle = { search: { count: 0, p50: Number.NaN, p99: Number.NaN }, scalar: 1 };
  expect(speedupOf([idle, second(1, 30)])).toBe(30);
  expect(speedupOf([idle])).toBeNaN();
});
