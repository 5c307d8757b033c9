import type Parser from 'tree-sitter';
import { assembleChunks } from './assemble.ts';
import { findDefinitions } from './definitions.ts';
import { grammarFor, type Grammar } from './grammars.ts';
import { SourceLines } from './source-lines.ts';
import { statementDepths } from './statement-borders.ts';
import type { ChunkedFile, ChunkRequest } from './types.ts';
import { chunkByLines } from './windows.ts';

/** Characters the parser is given at a time; it refuses more than its buffer of 32 KiB holds. */
const readCharacters = 8192;

/**
 * Cuts one file into chunks: by definitions where its language has a grammar, else by windows of lines. Every line that
 * is not blank lies in at least one chunk; chunks are in file order. A grammar may hang or end the process on hostile
 * input, so only parse processes call this for files that are not trusted.
 */
export function chunkFile(request: ChunkRequest): ChunkedFile {
  const grammar = grammarFor(request.language, request.path);
  if (grammar === undefined) return { chunks: chunkByLines(request.text), method: 'lines' };
  if ('reason' in grammar) {
    return { chunks: chunkByLines(request.text), method: 'lines', detail: grammar.reason };
  }
  const lines = new SourceLines(request.text);
  if (lines.trim(0, lines.lastRow) === undefined) return { chunks: [], method: 'parsed' };
  const tree = parse(grammar, lines.text);
  let depths: Uint8Array | undefined;
  const rootKind = grammar.document ? 'section' : 'module';
  const chunks = assembleChunks(lines, findDefinitions(grammar, tree, lines), rootKind, () => {
    depths ??= statementDepths(tree, lines);
    return depths;
  });
  return { chunks, method: 'parsed' };
}

function parse(grammar: Grammar, text: string): Parser.Tree {
  const { parser } = grammar;
  parser.reset();
  return parser.parse((offset) => text.slice(offset, offset + readCharacters));
}
