import { describe, expect, test } from 'vitest';
import type { CloneGroup } from '../../protocol/clones.ts';
import { clonePlaces, cloneRow, cloneSummary } from './cloneRows.ts';

const place = (path: string, startLine: number, similarity = 1): CloneGroup['places'][number] => ({
  path,
  startLine,
  endLine: startLine + 9,
  symbol: 'Router.register',
  similarity,
});
const group: CloneGroup = {
  kind: 'near',
  language: 'typescript',
  lines: 10,
  similarity: 0.859,
  places: [place('a.ts', 1), place('b.ts', 5, 0.859), place('c.ts', 9, 0.9), place('d.ts', 2, 0.9)],
};

describe('a clone group', () => {
  test('is a row with its size, likeness and first places', () => {
    expect(cloneRow(group)).toEqual({
      label: 'Router.register: 4 places, 10 lines',
      description: 'near, 85% • typescript',
      detail: 'a.ts:1  b.ts:5  c.ts:9  and 1 more',
    });
    const nameless = { ...group, kind: 'identical' as const, places: [{ ...place('a.ts', 1), symbol: '' }] };
    expect(cloneRow(nameless)).toMatchObject({ label: '1 places, 10 lines', description: 'identical • typescript' });
  });

  test('becomes hits that say how alike they are to the first', () => {
    const hits = clonePlaces(group, { name: 'shop', path: '/shop' }).map(({ hit }) => hit);
    expect(hits.map(({ marks }) => marks)).toEqual([[], ['near-clone'], ['near-clone'], ['near-clone']]);
    expect(hits[1]).toMatchObject({ path: 'b.ts', startLine: 5, endLine: 14, similarity: 0.859 });
  });
});

test('the summary says what was looked at when nothing was found', () => {
  const rest = { compared: { files: 2, chunks: 7 }, milliseconds: 1 };
  const none = { groups: [], found: { groups: 0, repeatedLines: 0 }, ...rest };
  expect(cloneSummary(none)).toBe('No clones among 7 pieces of 2 files.');
  const found = { groups: 3, repeatedLines: 70 };
  expect(cloneSummary({ groups: [group], found, ...rest })).toBe('3 groups repeat 70 lines');
});
