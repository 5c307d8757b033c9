import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkFile } from './chunk-file.ts';
import { packageRoot } from '../settings/paths.ts';
import { parsedLanguages } from './grammars.ts';
import { maxChunkCharacters } from './source-lines.ts';
import type { ChunkedFile, ChunkRequest } from './types.ts';

/** What holds for every file, whatever is in it. */
function expectSound(request: ChunkRequest): ChunkedFile {
  const result = chunkFile(request);
  const lines = request.text.replace(/^\ufeff/u, '').split(/\r?\n/u);
  const covered = new Set<number>();
  let previous = 0;
  for (const chunk of result.chunks) {
    expect(chunk.startLine).toBeGreaterThanOrEqual(Math.max(1, previous));
    expect(chunk.endLine).toBeGreaterThanOrEqual(chunk.startLine);
    expect(chunk.endLine).toBeLessThanOrEqual(lines.length);
    expect(chunk.text.length).toBeLessThanOrEqual(maxChunkCharacters);
    expect(chunk.text.trim()).not.toBe('');
    previous = chunk.startLine;
    for (let line = chunk.startLine; line <= chunk.endLine; line++) covered.add(line);
  }
  const missed = lines.flatMap((line, i) =>
    line.replaceAll('\0', ' ').trim() === '' || covered.has(i + 1) ? [] : i + 1,
  );
  expect(missed).toEqual([]);
  return result;
}

function fixture(language: string): { path: string; text: string } {
  const folder = join(packageRoot(), 'syntaxes', language, 'fixtures');
  const [path = ''] = readdirSync(folder).filter((name) => name !== 'expected.txt');
  return { path, text: readFileSync(join(folder, path), 'utf8') };
}

describe.each(parsedLanguages())('%s', (language) => {
  const { path, text } = fixture(language);

  it('covers every line of arbitrary text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (garbage) => {
        expectSound({ path, language, text: garbage });
      }),
      { numRuns: 25 },
    );
  });

  it('covers every line of a file that is cut off, with something else in the middle', () => {
    const place = fc.nat({ max: text.length });
    const stuff = fc.constantFrom(
      '{',
      '}',
      '(((',
      '"""',
      "'",
      '/*',
      '#',
      '\n\n\n',
      '\t',
      '\0',
      'end',
      '<',
      '\ud83d',
      '`${',
    );
    fc.assert(
      fc.property(place, place, stuff, fc.nat({ max: 30 }), (end, at, inserted, times) => {
        const cut = text.slice(0, end);
        expectSound({ path, language, text: cut.slice(0, at) + inserted.repeat(times) + cut.slice(at) });
      }),
      { numRuns: 40 },
    );
  });

  it('gives the same chunks with Windows line ends and a byte order mark', () => {
    const request = { path, language, text };
    const plain = expectSound(request);
    expect(expectSound({ ...request, text: text.replaceAll('\n', '\r\n') })).toEqual(plain);
    expect(expectSound({ ...request, text: `\ufeff${text}` })).toEqual(plain);
  });

  it('survives an empty file, blank lines and one very long line', () => {
    expect(chunkFile({ path, language, text: '' })).toEqual({ chunks: [], method: 'parsed' });
    expect(chunkFile({ path, language, text: '\n \t\n\r\n' }).chunks).toEqual([]);
    const { chunks } = expectSound({ path, language, text: `x = "${'word '.repeat(40_000)}"` });
    expect(chunks).toHaveLength(1);
    expect(chunks[0]).toMatchObject({ startLine: 1, endLine: 1 });
    expect(chunks[0]?.text).toHaveLength(maxChunkCharacters);
  });

  it('survives nesting of any depth', () => {
    const depth = 1000;
    expectSound({ path, language, text: `${'{"a":\n['.repeat(depth)}1${']\n}'.repeat(depth)}` });
    expectSound({ path, language, text: `${'(\n'.repeat(depth)}x${')\n'.repeat(depth)}` });
  });
});

describe('chunkFile', () => {
  it('cuts languages without a grammar by lines', () => {
    const text = Array.from({ length: 100 }, (_, i) => `line ${i}`).join('\n');
    const result = expectSound({ path: 'x.dart', language: 'dart', text });
    expect(result.method).toBe('lines');
    expect(result.detail).toBeUndefined();
    expect(result.chunks.map(({ kind }) => kind)).toEqual(['window', 'window', 'window']);
    expect(result.chunks.map(({ startLine }) => startLine)).toEqual([1, 33, 65]);
  });

  it('takes no language id for a member of a prototype', () => {
    expect(chunkFile({ path: 'x', language: 'constructor', text: 'a' }).method).toBe('lines');
  });

  it('keeps a file of comments as one run', () => {
    const { chunks } = expectSound({ path: 'a.go', language: 'go', text: '// one\n// two\n\n// three\n' });
    expect(chunks).toEqual([
      {
        startLine: 1,
        endLine: 4,
        symbol: '',
        kind: 'module',
        signature: '',
        doc: '',
        text: '// one\n// two\n\n// three',
      },
    ]);
  });

  it('counts lines, not characters, where characters are wide or tabs', () => {
    const text = '/** Grüße 🎉 */\nfunction grüße() {\n\treturn "🎉🎉";\n}\n';
    const { chunks } = expectSound({ path: 'a.js', language: 'javascript', text });
    expect(chunks).toMatchObject([
      { startLine: 1, endLine: 4, symbol: 'grüße', kind: 'function', doc: 'Grüße 🎉', signature: 'function grüße()' },
    ]);
  });

  it('parses files larger than the parser reads at once', () => {
    const text = Array.from({ length: 3000 }, (_, i) => `function f${i}() {\n  one();\n  two();\n  three();\n}\n`).join(
      '',
    );
    const { chunks } = expectSound({ path: 'a.js', language: 'javascript', text });
    expect(chunks).toHaveLength(3000);
    expect(chunks.at(-1)).toMatchObject({ symbol: 'f2999', startLine: 14_996, endLine: 15_000 });
  });

  it.each(['@Test', '@Test(', '@Test("a'])('ends at %s that is last in a file', (last) => {
    const { chunks, method } = expectSound({ path: 'A.kt', language: 'kotlin', text: `val s = 1\n${last}` });
    expect(method).toBe('parsed');
    expect(chunks.at(-1)?.endLine).toBe(2);
  });

  it('gives up a grammar that gets nowhere, and goes on with the next file', () => {
    const text = [
      '{""',
      '0',
      '######val session = Session(newId(), user, cloc)',
      '    }\n\n    override fun close() {\n        sessions.clear()',
      ' rn bytes.joinToString("") { "%02x".format(it) }\n        }\n    }\n}\n',
      'object Sessions {\n    val shared = SessionStore()\n}\n\n/',
    ].join('\n');
    const broken = expectSound({ path: 'A.kt', language: 'kotlin', text });
    expect(broken.method).toBe('parser-failed');
    expect(broken.detail).toContain('nowhere');
    const whole = { ...fixture('kotlin'), language: 'kotlin' };
    expect(expectSound(whole).method).toBe('parsed');
  });

  it('lets parts of a long body overlap and keep its name', () => {
    const body = Array.from({ length: 150 }, (_, i) => `  call(${i});`).join('\n');
    const { chunks } = expectSound({ path: 'a.js', language: 'javascript', text: `function long() {\n${body}\n}\n` });
    expect(chunks.map(({ kind, symbol }) => `${kind} ${symbol}`)).toEqual([
      'function long',
      'block long',
      'block long',
      'block long',
    ]);
    for (const [i, chunk] of chunks.slice(1).entries()) {
      const overlap = (chunks[i]?.endLine ?? 0) - chunk.startLine + 1;
      expect(overlap).toBeGreaterThanOrEqual(2);
      expect(overlap).toBeLessThanOrEqual(4);
    }
  });
});
