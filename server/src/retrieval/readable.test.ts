import { describe, expect, it } from 'vitest';
import { readable } from './readable.ts';
import type { Ranked } from './search.ts';
import { tellingStems } from './words.ts';

const body = (name: string): string =>
  `function ${name}(list) {\n  let sum = 0;\n  for (const item of list) sum += item.price * item.count;\n  return sum;\n}`;
const files: Record<string, string> = {
  'a.ts': body('total'),
  'copy/a.ts': `// copied\n${body('total')}`,
  'b.ts': body('totalOfAll').replaceAll('sum', 'result').replaceAll('price', 'weight'),
  'c.ts': 'x',
  'd.ts': 'x',
};
const read = (path: string, start: number, end: number): Promise<string[]> =>
  Promise.resolve((files[path] ?? '').split('\n').slice(start - 1, end));
const ranked: Ranked[] = Object.keys(files).map((path, at) => ({
  path,
  startLine: 1,
  endLine: 6,
  symbol: '',
  kind: 'function',
  language: 'typescript',
  score: 10 - at,
}));
const terms = { stems: tellingStems('price'), phrases: [] };

describe('readable hits', () => {
  it('say the same thing once, with the other places, and make room for others', async () => {
    const hits = await readable(ranked, read, { terms, limit: 3, fold: true });
    expect(hits.map(({ path }) => path)).toEqual(['a.ts', 'b.ts', 'c.ts']);
    expect(hits[0]?.folded).toEqual([{ path: 'copy/a.ts', startLine: 1, endLine: 6, symbol: '' }]);
    expect(hits[1]).not.toHaveProperty('folded');
  });

  it('are all given where nothing is to be folded, and short texts in any case', async () => {
    const paths = (hits: { path: string }[]): string[] => hits.map(({ path }) => path);
    const all = await readable(ranked, read, { terms, limit: 9, fold: false });
    expect(paths(all)).toEqual(Object.keys(files));
    expect(paths(await readable(ranked, read, { terms, limit: 9, fold: true }))).toContain('d.ts');
    expect(all[0]?.highlights).toEqual([{ line: 3, start: 39, end: 44 }]);
  });

  it('survive files that are gone', async () => {
    const gone = [{ ...ranked[0], path: 'gone.ts' } as Ranked];
    const [hit] = await readable(gone, read, { terms, limit: 3, fold: true });
    expect(hit).toMatchObject({ path: 'gone.ts', snippet: '', snippetLine: 1, highlights: [] });
  });
});
