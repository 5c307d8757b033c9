import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snippetOf } from './snippet.ts';
import { tellingStems } from './words.ts';

const none = { stems: [], phrases: [] };
const filler = (count: number): string[] => Array.from({ length: count }, (_, at) => `  step(${String(at)});`);
const marked = (lines: string[], first: number, stems: string[], phrases: string[] = []): string[] => {
  const { highlights } = snippetOf(lines, first, { stems, phrases });
  return highlights.map(({ line, start, end }) => (lines[line - first] ?? '').slice(start, end));
};

describe('a snippet', () => {
  it('is the beginning where nothing matched, at most twelve lines', () => {
    expect(snippetOf(['a', 'b'], 7, none)).toEqual({ text: 'a\nb', startLine: 7, highlights: [] });
    expect(snippetOf(filler(40), 1, none).text.split('\n')).toHaveLength(12);
  });

  it('is around what matched, two lines before it', () => {
    const lines = ['function run() {', ...filler(30), '  expireSession(token);', ...filler(10), '}'];
    const snippet = snippetOf(lines, 100, { stems: tellingStems('expire session'), phrases: [] });
    expect(snippet.startLine).toBe(129);
    expect(snippet.highlights).toEqual([{ line: 131, start: 2, end: 15 }]);
  });

  it('stays at the beginning where that tells as much', () => {
    const lines = ['function expireSession() {', ...filler(30), '  session.expire();', '}'];
    expect(snippetOf(lines, 1, { stems: tellingStems('expire session'), phrases: [] }).startLine).toBe(1);
  });

  it('goes to the part with the rarer word', () => {
    const lines = [...filler(20).map(() => 'route();'), 'conflict(route);', ...filler(20).map(() => 'route();')];
    const { startLine, text } = snippetOf(lines, 1, { stems: tellingStems('route conflict'), phrases: [] });
    expect(text).toContain('conflict');
    expect(startLine).toBe(19);
  });
});

describe('highlights', () => {
  it('are words of identifiers in any form, neighbours joined', () => {
    expect(marked(['rate_limiter.limits(HTTPServer, rateOf)'], 1, tellingStems('rate limit server'))).toEqual([
      'rate_limiter',
      'limits',
      'Server',
      'rate',
    ]);
  });

  it('are phrases as they stand, in any case', () => {
    expect(marked(['throw new Error("Route is taken");'], 1, [], ['route is taken'])).toEqual(['Route is taken']);
  });

  it('lie within their lines, in order, without overlap', () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'B', '_', '1', ' ', 'é', '🙂', 'ßx'), maxLength: 30 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), fc.array(line, { maxLength: 3 }), (lines, words) => {
        const phrases = words.filter((word) => word.length > 1);
        const { highlights, text, startLine } = snippetOf(lines, 1, { stems: ['a', 'b', 'ab'], phrases });
        let before = { line: 0, end: 0 };
        for (const { line: at, start, end } of highlights) {
          expect(start).toBeLessThan(end);
          expect(end).toBeLessThanOrEqual((lines[at - 1] ?? '').length);
          expect(at).toBeGreaterThanOrEqual(startLine);
          expect(at).toBeLessThan(startLine + text.split('\n').length);
          expect(at > before.line || start >= before.end).toBe(true);
          before = { line: at, end };
        }
      }),
    );
  });
});
