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
 * What the parser may do to a file, in operations: some grammars never come out of an error (Kotlin's adds versions of
 * the stack for ever, and memory with them). Of 12,000 files in 26 languages none took more than 5 per character.
 */
const operationsAllowed = 50_000;
const operationsPerCharacter = 20;
/** The parser says how far it is each time it has done so many. */
const operationsPerReport = 100;
let operationsLeft = 0;

/**
 * Cuts one file into chunks: by definitions where its language has a grammar, else by windows of lines. Every line that
 * is not blank lies in at least one chunk; chunks are in file order. A grammar that gets nowhere is given up (`parser-failed`);
 * it may still hang in its scanner or end the process, so only parse processes call this for files that are not trusted.
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
  if (tree === null) {
    // What it has grown to by then is many times the file.
    grammar.parser.reset();
    const detail = 'the parser gets nowhere with what is wrong in it';
    return { chunks: chunkByLines(request.text), method: 'parser-failed', detail };
  }
  let depths: Uint8Array | undefined;
  const rootKind = grammar.document ? 'section' : 'module';
  const chunks = assembleChunks(lines, findDefinitions(grammar, tree, lines), rootKind, () => {
    depths ??= statementDepths(tree, lines);
    return depths;
  });
  return { chunks, method: 'parsed' };
}

/**
 * The parser sees a line end behind the last line: not every grammar's scanner looks for the end of the file where it
 * looks for one of the line (Kotlin's never ends at an annotation that is last in its file), as when a file is typed.
 *
 * @returns null when it is given up.
 */
function parse(grammar: Grammar, text: string): Parser.Tree | null {
  const { parser } = grammar;
  const source = text.endsWith('\n') ? text : `${text}\n`;
  operationsLeft = operationsAllowed + operationsPerCharacter * source.length;
  parser.reset();
  return parser.parse((offset) => source.slice(offset, offset + readCharacters), null, { progressCallback: isUsedUp });
}

/** One function for all files: the parser keeps every one it is given, with all that is in reach of it. */
function isUsedUp(): boolean {
  operationsLeft -= operationsPerReport;
  return operationsLeft < 0;
}
