import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { coverageSentence, leastCoverage, percent } from './coverage.ts';

test('percent says 100 and 0 only when that is exact', () => {
  expect([0, 0.001, 0.34, 0.999, 1].map(percent)).toEqual(['0%', '1%', '34%', '99%', '100%']);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, minExcluded: true, maxExcluded: true, noNaN: true }), (share) => {
      expect(percent(share)).toMatch(/^[1-9]\d?%$/);
    }),
  );
});

test('coverageSentence names what is missing, and nothing else', () => {
  expect(coverageSentence(undefined)).toBeUndefined();
  expect(coverageSentence({ lexical: 1, instant: 1 })).toBeUndefined();
  expect(coverageSentence({ lexical: 1, instant: 1, deep: 1 })).toBeUndefined();
  expect(coverageSentence({ lexical: 1, instant: 0.34 })).toBe('vectors 34% complete');
  expect(coverageSentence({ lexical: 0.6, instant: 0.5, deep: 0 })).toBe(
    'files 60% indexed, vectors 50% complete, deep vectors 0% complete',
  );
});

test('leastCoverage takes the least of each lane', () => {
  expect(leastCoverage([])).toBeUndefined();
  expect(leastCoverage([{ lexical: 0.5, instant: 1 }])).toEqual({ lexical: 0.5, instant: 1 });
  expect(
    leastCoverage([
      { lexical: 0.5, instant: 1, deep: 0.7 },
      { lexical: 1, instant: 0.2 },
      { lexical: 0.9, instant: 0.9, deep: 0.1 },
    ]),
  ).toEqual({ lexical: 0.5, instant: 0.2, deep: 0.1 });
});
