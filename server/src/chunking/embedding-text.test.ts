import { describe, expect, it } from 'vitest';
import { embeddingText } from './embedding-text.ts';
import type { Chunk } from './types.ts';

const chunk: Chunk = {
  startLine: 3,
  endLine: 6,
  symbol: 'HTTPRouter.registerRoute2',
  kind: 'method',
  signature: 'registerRoute2(path)',
  doc: 'Adds a route.',
  text: '/** Adds a route. */\nregisterRoute2(path) {\n  this.routes.push(path);\n}',
};

describe('embeddingText', () => {
  it('is symbol with its words, signature, doc and the body without the doc', () => {
    expect(embeddingText(chunk, 'javascript')).toBe(
      [
        'HTTPRouter.registerRoute2 http router register route2',
        'registerRoute2(path)',
        'Adds a route.',
        'registerRoute2(path) {',
        '  this.routes.push(path);',
        '}',
      ].join('\n'),
    );
  });

  it('is the text alone for a run of statements', () => {
    const run = { ...chunk, symbol: '', signature: '', doc: '', text: "import 'a';" };
    expect(embeddingText(run, 'javascript')).toBe("import 'a';");
  });

  it('leaves prose alone', () => {
    const section = { ...chunk, symbol: 'Install', signature: '', doc: '', text: '# Install\n\n* one' };
    expect(embeddingText(section, 'markdown')).toBe('Install install\n# Install\n\n* one');
  });

  it('is limited in length', () => {
    expect(embeddingText({ ...chunk, text: 'a b\n'.repeat(2000) }, 'go')).toHaveLength(2000);
  });
});
