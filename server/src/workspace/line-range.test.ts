import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineRange } from './text.ts';

test('the same lines as splitting the whole text', () => {
  const text = fc
    .array(fc.constantFrom('a', 'b c', '', '\n', '\r\n', '\n'), { maxLength: 40 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.integer({ min: -1, max: 30 }), fc.integer({ min: -1, max: 30 }), (all, start, end) => {
      expect(lineRange(all, start, end)).toEqual(all.split(/\r?\n/).slice(Math.max(0, start - 1), Math.max(0, end)));
    }),
  );
});
