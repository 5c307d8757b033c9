import { describe, expect, it } from 'vitest';
import type { Shape } from './code-shape.ts';
import { Likeness, type Shaped } from './likeness.ts';
import { Standards } from './standards.ts';

/** Terms 1 to 40 in two languages, and a term of each language that all of its pieces have. */
const shaped: Shaped[] = Array.from({ length: 30 }, (_, at) => ({
  language: at % 3 === 0 ? 'go' : 'py',
  shape: new Map([
    [at % 3 === 0 ? 98 : 99, 1 + (at % 4)],
    ...Array.from({ length: 6 }, (__, n): [number, number] => [1 + ((at * 7 + n * 11) % 40), 1 + ((at + n) % 3)]),
  ]),
}));

/** The same by its definition, term by term. */
function cosine(own: Shape, other: Shaped): number {
  const saturated = (times: number): number => times / (times + 1.2);
  const rarity = (term: number, language: string): number => {
    const of = shaped.filter((one) => one.language === language);
    const having = of.filter(({ shape }) => shape.has(term)).length;
    return Math.log(1 + (of.length - having + 0.5) / (having + 0.5));
  };
  let [product, square] = [0, 0];
  for (const [term, times] of other.shape) {
    const weight = saturated(times) * rarity(term, other.language);
    square += weight ** 2;
    product += (weight * saturated(own.get(term) ?? 0) * (rarity(term, 'go') + rarity(term, 'py'))) / 2;
  }
  return product / Math.sqrt(square);
}

describe('likeness', () => {
  it('is the cosine of saturated, rare terms, measured against the language', () => {
    const own: Shape = new Map([
      [3, 2],
      [17, 1],
      [99, 4],
      [1234, 1],
    ]);
    const cosines = Float32Array.from(shaped, (one) => cosine(own, one));
    const expected = new Standards(shaped.map(({ language }) => language)).deviations(cosines);
    for (const [at, value] of new Likeness(shaped).to(own).entries())
      expect(value).toBeCloseTo((expected[at] ?? 0) / 10);
  });

  it('has in the row of each piece what the others are like it', async () => {
    const likeness = new Likeness(shaped);
    const all = await likeness.amongAll(new AbortController().signal);
    for (const [at, { shape }] of shaped.entries())
      expect(all.subarray(at * shaped.length, (at + 1) * shaped.length)).toEqual(likeness.to(shape));
    await expect(likeness.amongAll(AbortSignal.abort())).rejects.toMatchObject({ code: 'Cancelled' });
  });

  it('is 0 where there is nothing in common or nothing at all', () => {
    expect([...new Likeness(shaped).to(new Map([[1234, 1]]))]).toEqual(shaped.map(() => 0));
    expect(new Likeness([]).to(new Map())).toHaveLength(0);
  });
});

describe('standards', () => {
  it('measure against the language, which borrows from all where it is small', () => {
    const languages = [...Array.from({ length: 200 }, () => 'py'), 'go'];
    const values = Float32Array.from(languages, (language, at) => (language === 'go' ? 5 : at % 2));
    const standards = new Standards(languages);
    const deviations = standards.deviations(values);
    expect(deviations[0]).toBeCloseTo(-1, 1);
    expect(deviations[1]).toBeCloseTo(1, 1);
    // Far from what is usual, though it is the mean of its own language.
    expect(deviations[200]).toBeGreaterThan(2);
    const means = standards.means(values);
    expect(means[0]).toBeCloseTo(0, 1);
    expect(means[200]).toBeGreaterThan(0.2);
  });
});
