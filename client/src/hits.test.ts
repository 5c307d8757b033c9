import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SearchHit } from '../../protocol/search.ts';
import { escapeIcons, hitRow, iconOf, interleave } from './hits.ts';

const folder = { name: 'shop', path: '/code/shop' };

function hit(changes: Partial<SearchHit> = {}): SearchHit {
  return {
    path: 'src/router.ts',
    startLine: 12,
    endLine: 20,
    symbol: 'Router.register',
    kind: 'method',
    language: 'typescript',
    score: 1,
    snippet: '  register(path: string): void {\n    this.routes.push(path);\n  }',
    snippetLine: 12,
    highlights: [],
    ...changes,
  };
}

describe('interleave', () => {
  test('takes rank by rank, in folder order', () => {
    expect(interleave([['a1', 'a2', 'a3'], ['b1'], ['c1', 'c2']], 10)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
    expect(
      interleave(
        [
          ['a1', 'a2'],
          ['b1', 'b2'],
        ],
        3,
      ),
    ).toEqual(['a1', 'b1', 'a2']);
    expect(interleave([], 3)).toEqual([]);
  });

  test('keeps every item once and the order within each list', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.integer())), (lists) => {
        const tagged = lists.map((list, folderIndex) => list.map((_value, rank) => ({ folderIndex, rank })));
        const merged = interleave(tagged, Number.POSITIVE_INFINITY);
        expect(merged).toHaveLength(tagged.flat().length);
        for (const [folderIndex, list] of tagged.entries()) {
          expect(merged.filter((item) => item.folderIndex === folderIndex)).toEqual(list);
        }
      }),
    );
  });
});

describe('hitRow', () => {
  test('shows the symbol, the place and the first lines', () => {
    expect(hitRow({ folder, hit: hit() }, false)).toEqual({
      label: 'Router.register',
      description: 'src/router.ts:12',
      detail: 'register(path: string): void {  this.routes.push(path);',
      icon: 'symbol-method',
    });
  });

  test('names the folder when there are several', () => {
    expect(hitRow({ folder, hit: hit() }, true).description).toBe('shop • src/router.ts:12');
  });

  test('code without a symbol is named by its first line that says something', () => {
    const row = hitRow(
      { folder, hit: hit({ symbol: '', kind: 'block', snippet: '\n{\n//\n  import fs;\n  run();\n}' }) },
      false,
    );
    expect(row).toMatchObject({ label: 'import fs;', detail: 'run();', icon: 'code' });
  });

  test('an empty snippet falls back to the path', () => {
    expect(hitRow({ folder, hit: hit({ symbol: '', snippet: '' }) }, false)).toMatchObject({
      label: 'src/router.ts',
      detail: '',
    });
  });

  test('shows the lines that match where they are further down', () => {
    const snippet = ['start() {', 'a();', 'b();', 'c();', 'd();', 'expire(old);', '}'].join('\n');
    const highlights = [{ line: 17, start: 0, end: 6 }];
    expect(hitRow({ folder, hit: hit({ snippet, highlights }) }, false).detail).toBe('expire(old);');
    const early = [{ line: 13, start: 0, end: 1 }];
    expect(hitRow({ folder, hit: hit({ snippet, highlights: early }) }, false).detail).toMatch(/^start/);
  });

  test('says what a hit is besides similar, and how many say the same', () => {
    const folded = [{ path: 'b.ts', startLine: 1, endLine: 9, symbol: '' }];
    const clone = { ...hit({ folded }), similarity: 0.929, marks: ['near-clone' as const, 'test' as const] };
    expect(hitRow({ folder, hit: clone }, false).description).toBe(
      'src/router.ts:12 • near-clone 92% • test of this • 1 similar',
    );
  });

  test('long lines are cut', () => {
    const row = hitRow({ folder, hit: hit({ snippet: 'word '.repeat(500), symbol: 'x'.repeat(500) }) }, false);
    expect(row.detail.length).toBeLessThanOrEqual(180);
    expect(row.detail.endsWith('…')).toBe(true);
    expect(row.label.length).toBeLessThanOrEqual(100);
  });
});

test('escapeIcons leaves no icon in code, and nothing else changed', () => {
  expect(escapeIcons('x=$(date) $(sync~spin) $(a b) $x ${y}')).toBe('x=\\$(date) \\$(sync~spin) $(a b) $x ${y}');
});

test.each([
  ['function', 'symbol-function'],
  ['method_definition', 'symbol-method'],
  ['Struct', 'symbol-structure'],
  ['lines', 'code'],
])('iconOf(%s) is %s', (kind, icon) => {
  expect(iconOf(kind)).toBe(icon);
});
