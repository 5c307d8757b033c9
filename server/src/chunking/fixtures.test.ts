import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chunkFile } from './chunk-file.ts';
import { packageRoot } from '../settings/paths.ts';
import { parsedLanguages } from './grammars.ts';
import type { Chunk } from './types.ts';

const update = process.env['UPDATE_FIXTURES'] === '1';
const expectedFile = 'expected.txt';

/** `12-30 method Router.register | signature | first line of the doc` */
function render(chunk: Chunk): string {
  const head = `${chunk.startLine}-${chunk.endLine} ${chunk.kind} ${chunk.symbol}`.trimEnd();
  const doc = chunk.doc.split('\n')[0] ?? '';
  return [head, chunk.signature, doc].join(' | ').replace(/[ |]+$/u, '');
}

function renderFolder(language: string, folder: string): string {
  const files = readdirSync(folder).filter((name) => name !== expectedFile);
  return files
    .sort()
    .map((name) => {
      const { chunks, method, detail } = chunkFile({
        path: name,
        language,
        text: readFileSync(join(folder, name), 'utf8'),
      });
      expect(method, detail).toBe('parsed');
      return `== ${name}\n${chunks.map(render).join('\n')}\n`;
    })
    .join('\n');
}

describe('chunks of the fixtures in syntaxes/', () => {
  it.each(parsedLanguages())('%s', (language) => {
    const folder = join(packageRoot(), 'syntaxes', language, 'fixtures');
    const actual = renderFolder(language, folder);
    const expected = join(folder, expectedFile);
    if (update) writeFileSync(expected, actual);
    expect(existsSync(expected), `${expected} is missing: run with UPDATE_FIXTURES=1`).toBe(true);
    expect(actual).toBe(readFileSync(expected, 'utf8'));
  });
});
