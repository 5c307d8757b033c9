import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokensOf } from './code-tokens.ts';
import { gramsOf, sequenceHash, shareIn, similarity, type NameUse } from './token-grams.ts';

const sum = 'function total(list) { let sum = 0; for (const item of list) { sum += item.price; } return sum; }';
const renamed = 'function all(rows) { let acc = 1; for (const row of rows) { acc += row.cost; } return acc; }';
/** The same shape, but another variable is returned. */
const mixedUp = 'function all(rows) { let acc = 1; for (const row of rows) { acc += row.cost; } return rows; }';

const grams = (code: string, names: NameUse): Uint32Array => gramsOf(tokensOf(code, 'typescript'), names);
const hash = (code: string, names: NameUse): number => sequenceHash(tokensOf(code, 'typescript'), names);

describe('runs of tokens', () => {
  it('are the same after a consistent renaming, where names count for one another', () => {
    expect(similarity(grams(sum, 'renamed'), grams(renamed, 'renamed'))).toBe(1);
    expect(similarity(grams(sum, 'kept'), grams(renamed, 'kept'))).toBeLessThan(0.5);
    expect(hash(sum, 'renamed')).toBe(hash(renamed, 'renamed'));
    expect(hash(sum, 'kept')).not.toBe(hash(renamed, 'kept'));
  });

  it('tell a renaming that is not consistent', () => {
    expect(hash(sum, 'renamed')).not.toBe(hash(mixedUp, 'renamed'));
  });

  it('do not see comments and white space', () => {
    const spaced = sum.replaceAll(' ', '\n  ').replace('{', '{ // says what it does\n');
    expect(hash(spaced, 'kept')).toBe(hash(sum, 'kept'));
  });

  it('of a part are all in the whole but for its edges', () => {
    const part = 'for (const item of list) { sum += item.price; }';
    expect(shareIn(grams(part, 'kept'), grams(sum, 'kept'))).toBe(1);
    expect(similarity(grams(part, 'kept'), grams(sum, 'kept'))).toBeLessThan(0.8);
  });

  it('give similarities from 0 to 1, the same both ways, 1 with itself', () => {
    const code = fc.array(fc.constantFrom('a', 'b', 'c', '(', ')', '1', 'if', ';'), { maxLength: 40 });
    fc.assert(
      fc.property(code, code, (left, right) => {
        const [a, b] = [grams(left.join(' '), 'renamed'), grams(right.join(' '), 'renamed')];
        const both = similarity(a, b);
        expect(both).toBe(similarity(b, a));
        expect(both).toBeGreaterThanOrEqual(0);
        expect(both).toBeLessThanOrEqual(1);
        expect(similarity(a, a)).toBe(a.length === 0 ? 0 : 1);
      }),
    );
  });
});
