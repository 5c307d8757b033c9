import { describe, expect, it } from 'vitest';
import { signalNames, type SignalName, type Signals } from './signals.ts';
import { treesScore, treesShares, type Node, type Trees } from './trees.ts';
import learned from './trees-learned.json' with { type: 'json' };

const none = Object.fromEntries(signalNames.map((name) => [name, 0])) as Record<SignalName, number>;
const having = (some: Partial<Signals>): Signals => ({ ...none, ...some });

/** Near by meaning counts, and more so in a definition. */
const trees: Trees = [
  {
    signal: 'deep',
    above: 0.5,
    mean: 0.1,
    less: -0.1,
    more: { signal: 'definition', above: 0.5, mean: 0.4, less: 0.3, more: 0.7 },
  },
  { signal: 'test', above: 0.5, mean: 0, less: 0.05, more: -0.2 },
];

describe('trees', () => {
  it('add what is at the end of the way, each from its mean', () => {
    expect(treesScore(trees, having({}))).toBeCloseTo(-0.2 + 0.05);
    expect(treesScore(trees, having({ deep: 0.5 }))).toBeCloseTo(-0.2 + 0.05);
    expect(treesScore(trees, having({ deep: 0.6, test: 1 }))).toBeCloseTo(0.2 - 0.2);
    expect(treesScore(trees, having({ deep: 0.6, definition: 1 }))).toBeCloseTo(0.6 + 0.05);
    expect(treesScore([], having({ deep: 1 }))).toBe(0);
  });

  it('give each signal its part', () => {
    const shares = treesShares(trees, having({ deep: 1, definition: 1 }));
    expect([...shares.keys()]).toEqual(['deep', 'definition', 'test']);
    expect(shares.get('deep')).toBeCloseTo(0.3);
    expect(shares.get('definition')).toBeCloseTo(0.3);
    expect(shares.get('test')).toBeCloseTo(0.05);
  });
});

describe('the learned trees', () => {
  /** Deterministic values all over the range of a signal. */
  const some = Array.from({ length: 50 }, (_, at) =>
    having(Object.fromEntries(signalNames.map((name, column) => [name, ((at * 7919 + column * 104_729) % 101) / 100]))),
  );

  for (const [name, own] of Object.entries(learned)) {
    it(`${name}: ask for known signals only, and none of those that are set by hand`, () => {
      const asked = new Set<string>();
      const visit = (node: Node): void => {
        if (typeof node === 'number') return;
        asked.add(node.signal);
        visit(node.less);
        visit(node.more);
      };
      (own as Trees).forEach(visit);
      const known = new Set<string>(signalNames);
      expect([...asked].filter((signal) => !known.has(signal))).toEqual([]);
      for (const signal of ['near', 'recent', 'doc']) expect(asked).not.toContain(signal);
    });

    it(`${name}: parts add up to the score`, () => {
      for (const signals of some) {
        const sum = [...treesShares(own as Trees, signals).values()].reduce((all, share) => all + share, 0);
        expect(sum).toBeCloseTo(treesScore(own as Trees, signals), 8);
      }
    });

    it(`${name}: more in common with the query never takes away`, () => {
      for (const signals of some) {
        for (const signal of ['chunk', 'symbolPrecision', 'instant', 'deep', 'nameCovered'] as const) {
          const more = treesScore(own as Trees, { ...signals, [signal]: 1 });
          expect(more).toBeGreaterThanOrEqual(treesScore(own as Trees, { ...signals, [signal]: 0 }) - 1e-4);
        }
      }
    });
  }
});
