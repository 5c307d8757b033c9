/**
 * Reads one repository with the product's chunker and writes what training needs of it, a JSON object per line:
 *
 * - `{ path, start, end, language, kind, symbol, name, doc, docStart, docEnd, sentences, plain, masked, hash }` per chunk
 *   with a symbol: `plain` is its embedding text without the documentation, `masked` the same with its name hidden;
 * - `{ path, header }` per file whose first comment describes it;
 * - `{ path, example, sentences }` per code example of a document, with the heading and the sentence before it.
 *
 *   node models/training/extract.mjs FOLDER OUT.jsonl
 */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { loadChunker } from './chunker.mjs';
import { codeOf } from './code.mjs';
import { hashOfCode } from './hashes.mjs';
import { headerOf } from './header.mjs';
import { sentencesOf, wordsOfName } from './sentences.mjs';
import { isGenerated, languageOfExtension } from './sources.mjs';

const shortestBody = 3;
const [folder, output] = process.argv.slice(2);
if (folder === undefined || output === undefined) {
  console.error('usage: node extract.mjs FOLDER OUT.jsonl');
  process.exit(2);
}
const { chunkFile, embeddingText, bareCommentLine } = await loadChunker();
const file = openSync(output, 'w');
/** Texts are cut by length: half a character may be left, which JSON could not hold. */
const wellFormed = (_key, value) => (typeof value === 'string' ? value.toWellFormed() : value);
const emit = (record) => writeSync(file, `${JSON.stringify(record, wellFormed)}\n`);

const escaped = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** Hides a name wherever it stands as a whole word. */
function mask(text, name) {
  return text.replaceAll(new RegExp(`(?<![\\p{L}\\p{N}_])${escaped(name)}(?![\\p{L}\\p{N}_])`, 'gu'), '_');
}

function readChunk(path, language, chunk) {
  const { lines, text, docRange: range } = codeOf(chunk, bareCommentLine);
  if (chunk.symbol === '' || lines.filter((line) => line.trim() !== '').length < shortestBody) {
    return;
  }
  const bare = { ...chunk, doc: '', text };
  const [lead] = chunk.symbol.split(', ');
  const parts = lead.split('.');
  const name = parts.at(-1);
  const single = !chunk.symbol.includes(', ');
  emit({
    path,
    start: chunk.startLine,
    end: chunk.endLine,
    language,
    kind: chunk.kind,
    symbol: chunk.symbol,
    name: single ? wordsOfName(name).join(' ') : '',
    doc: chunk.doc.slice(0, 500),
    ...(range === undefined ? {} : { docStart: chunk.startLine + range[0], docEnd: chunk.startLine + range[1] }),
    sentences: range === undefined ? [] : sentencesOf(chunk.doc, name),
    plain: embeddingText(bare, language),
    masked: single
      ? embeddingText(
          {
            ...bare,
            symbol: parts.slice(0, -1).join('.'),
            signature: mask(chunk.signature, name),
            text: mask(text, name),
          },
          language,
        )
      : '',
    hash: hashOfCode(text),
  });
}

/** The first comment of a file, when more than one chunk follows it and it is not that chunk's own. */
function readHeader(path, text, chunks) {
  const header = headerOf(text);
  if (header === undefined) {
    return;
  }
  const comment = header.comment.split('\n').map(bareCommentLine).join('\n').trim();
  const owned = chunks.some(({ doc }) => doc !== '' && doc.startsWith(comment.slice(0, 60)));
  const sentences = owned ? [] : sentencesOf(comment);
  if (sentences.length > 0) {
    emit({ path, header: sentences.slice(0, 2) });
  }
}

/** Code blocks of a document with the last heading and the last sentence before them. */
function readDocument(path, text) {
  let heading = '';
  let prose = [];
  let code;
  for (const line of text.split('\n')) {
    if (code !== undefined) {
      if (/^\s*(?:```|~~~)/.test(line)) {
        if (code.length >= shortestBody) {
          const sentences = sentencesOf(`${heading}\n\n${prose.slice(-6).join('\n')}`);
          const example = code.join('\n').slice(0, 2000);
          if (sentences.length > 0) {
            emit({
              path,
              example,
              sentences: [...new Set([sentences[0], sentences.at(-1)])],
              hash: hashOfCode(example),
            });
          }
        }
        code = undefined;
      } else {
        code.push(line);
      }
    } else if (/^\s*(?:```|~~~)/.test(line)) {
      code = [];
    } else if (/^#{1,6} /.test(line)) {
      heading = line.replace(/^#+ /, '');
      prose = [];
    } else {
      prose.push(line);
    }
  }
}

for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const whole = join(entry.parentPath, entry.name);
  const path = relative(folder, whole);
  const extension = extname(entry.name).toLowerCase();
  const language = languageOfExtension.get(extension);
  const text = readFileSync(whole, 'utf8');
  if (extension === '.md') {
    readDocument(path, text);
  } else if (language !== undefined && !isGenerated(text)) {
    const { chunks } = chunkFile({ path, language, text });
    readHeader(path, text, chunks);
    for (const chunk of chunks) {
      readChunk(path, language, chunk);
    }
  }
}
closeSync(file);
