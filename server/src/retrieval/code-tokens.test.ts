import { describe, expect, it } from 'vitest';
import { tokensOf } from './code-tokens.ts';

const texts = (code: string, language: string): string[] => tokensOf(code, language).map(({ text }) => text);

describe('tokens', () => {
  it('leave comments and white space out, by language', () => {
    expect(texts('a = 1; // no\n/* nor\nthis */ b', 'typescript')).toEqual(['a', '=', '1', ';', 'b']);
    expect(texts('#include <a>', 'c')).toEqual(['#', 'include', '<', 'a', '>']);
    expect(texts('a = 1 # no\nb // 2', 'python')).toEqual(['a', '=', '1', 'b', '/', '/', '2']);
    expect(texts('a = 1 -- no\n{- nor\n-} b', 'haskell')).toEqual(['a', '=', '1', 'b']);
    expect(texts('(a b) ; no', 'clojure')).toEqual(['(', 'a', 'b', ')']);
  });

  it('keep strings whole, what looks like a comment in them too, and drop docstrings', () => {
    expect(texts('x = "a // b \\" c" + 2', 'go')).toEqual(['x', '=', '"a // b \\" c"', '+', '2']);
    expect(texts('def f():\n    """Says.\n\n    More."""\n    return """x"""', 'python')).toEqual([
      'def',
      'f',
      '(',
      ')',
      ':',
      'return',
      '"""x"""',
    ]);
  });

  it('tell a lifetime from a character', () => {
    expect(texts("fn f<'a>(x: &'a str) { 'x' }", 'rust')).toContain("'x'");
    expect(texts("fn f<'a>(x: &'a str) { 'x' }", 'rust')).not.toContain("'a>(x: &'");
  });

  it('tell names from reserved words and literals', () => {
    const kinds = tokensOf('return getSize(42, "x")', 'java').map(({ kind }) => kind);
    expect(kinds).toEqual([1, 2, 0, 3, 0, 3, 0]);
  });

  it('take any text', () => {
    for (const text of ['', '"never closed', '/* never closed', "it's", '\u0000🙂 レート', '`${a']) {
      expect(texts(text, 'typescript').join('').length).toBeLessThanOrEqual(text.length);
    }
  });
});
