import { bareCommentLine } from './comment-text.ts';
import type { Chunk } from './types.ts';

const maxCharacters = 2000;
const maxSignature = 300;
const maxDoc = 500;

/** Languages whose text is prose or data: a `#` or `*` there is no comment marker. */
const withoutComments = new Set(['markdown', 'json', 'html', 'plaintext']);

/**
 * What is embedded of a chunk: its symbol as it is and split into words, its signature, its doc comment, then its lines
 * without those of the doc comment. The path is left out on purpose, so that renaming a file costs no inference.
 *
 * @returns at most 2,000 characters, never empty for a chunk with text.
 */
export function embeddingText(chunk: Chunk, language: string): string {
  const doc = chunk.doc.slice(0, maxDoc);
  const parts = [
    header(chunk.symbol),
    chunk.signature.slice(0, maxSignature),
    doc,
    withoutComments.has(language) ? chunk.text : bodyWithoutDoc(chunk.text, chunk.doc),
  ];
  return parts
    .filter((part) => part !== '')
    .join('\n')
    .slice(0, maxCharacters);
}

function header(symbol: string): string {
  const words = splitWords(symbol).join(' ');
  return words === '' || words === symbol ? symbol : `${symbol} ${words}`;
}

/** Words of identifiers, lower case: split at case, digits and everything that is no letter. */
function splitWords(text: string): string[] {
  return text
    .replaceAll(/(?<=\p{Ll}|\p{N})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu, ' ')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

/** Lines of the doc stand in the text a second time, with their markers: one copy is enough. */
function bodyWithoutDoc(text: string, doc: string): string {
  if (doc === '') return text;
  const docLines = new Set(doc.split('\n').filter((line) => line.length > 2));
  return text
    .split('\n')
    .filter((line) => !docLines.has(bareCommentLine(line)))
    .join('\n');
}
