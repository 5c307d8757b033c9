import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fuse } from './fuse.ts';

const hits = (...ids: number[]): { id: number; score: number }[] => ids.map((id, i) => ({ id, score: 100 - i }));

describe('reciprocal rank fusion', () => {
  test('a chunk in both lists beats one that is first in one', () => {
    expect(fuse([hits(1, 2), hits(3, 2)]).map(({ id }) => id)).toEqual([2, 1, 3]);
  });

  test('scores are sums of 1 / (60 + rank)', () => {
    expect(fuse([hits(7), hits(8, 7)])).toEqual([
      { id: 7, score: 1 / 61 + 1 / 62 },
      { id: 8, score: 1 / 61 },
    ]);
  });

  test('one list keeps its order, all ids come back once, ties are broken by id', () => {
    const list = fc.uniqueArray(fc.nat(50)).map((ids) => hits(...ids));
    fc.assert(
      fc.property(fc.array(list, { maxLength: 4 }), (lists) => {
        const fused = fuse(lists);
        expect(new Set(fused.map(({ id }) => id))).toEqual(new Set(lists.flat().map(({ id }) => id)));
        expect(fused.length).toBe(new Set(lists.flat().map(({ id }) => id)).size);
        fused.slice(1).forEach((hit, i) => {
          const before = fused[i];
          if (before === undefined) throw new Error('unreachable');
          expect(before.score > hit.score || (before.score === hit.score && before.id < hit.id)).toBe(true);
        });
        if (lists.length === 1) expect(fused.map(({ id }) => id)).toEqual(lists[0]?.map(({ id }) => id));
      }),
    );
  });
});
