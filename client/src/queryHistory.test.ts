import { expect, test } from 'vitest';
import { forget, historyLength, remember, seedOf } from './queryHistory.ts';

test('remember puts the newest first, once, and is bounded', () => {
  expect(remember(['a', 'b', 'c'], ' b ')).toEqual(['b', 'a', 'c']);
  expect(remember(['a'], '   ')).toEqual(['a']);
  const full = Array.from({ length: historyLength }, (_value, index) => `q${String(index)}`);
  expect(remember(full, 'new')).toEqual(['new', ...full.slice(0, -1)]);
});

test('forget removes one entry', () => {
  expect(forget(['a', 'b'], 'a')).toEqual(['b']);
});

test('seedOf makes one bounded line of a selection', () => {
  expect(seedOf('  if (a)\n\t return b;\r\n')).toBe('if (a) return b;');
  expect(seedOf('x'.repeat(1000))).toHaveLength(300);
});
