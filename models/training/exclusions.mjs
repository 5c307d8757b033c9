/**
 * Writes what no training pair may repeat of the evaluation data: hashes of its code and its questions.
 *
 *   node models/training/exclusions.mjs --eval FOLDER --out FILE
 *
 * Code: every function of the corpora, and every chunk of the trees as extract.mjs would hash it. A line each, `code HASH`
 * or `query TEXT`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { bundleChunker, loadChunker } from './chunker.mjs';
import { codeOf } from './code.mjs';
import { hashOfCode } from './hashes.mjs';

const { values: options } = parseArgs({ options: { eval: { type: 'string' }, out: { type: 'string' } } });
if (options.eval === undefined || options.out === undefined) {
  console.error('usage: node exclusions.mjs --eval FOLDER --out FILE');
  process.exit(2);
}
await bundleChunker();
const { chunkFile, bareCommentLine, languageOf } = await loadChunker();

function readLines(file) {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const found = new Set();
for (const entry of readdirSync(options.eval, { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name);
  if (!entry.isFile() || !/\.jsonl(?:\.gz)?$/.test(entry.name)) {
    continue;
  }
  for (const record of readLines(file)) {
    if (file.includes('/trees/')) {
      const { path, text } = record;
      found.add(`code ${hashOfCode(text)}`);
      for (const chunk of chunkFile({ path, text, language: languageOf(path, text) }).chunks) {
        found.add(`code ${hashOfCode(codeOf(chunk, bareCommentLine).text)}`);
      }
    } else if (/queries/.test(entry.name)) {
      found.add(`query ${record.text.replaceAll(/\s+/g, ' ').trim().toLowerCase()}`);
      found.add(`code ${hashOfCode(record.text)}`);
    } else {
      for (const code of [record.text, record.code, record.query].filter((value) => typeof value === 'string')) {
        found.add(`code ${hashOfCode(code)}`);
      }
    }
  }
}
writeFileSync(options.out, `${[...found].join('\n')}\n`);
console.log(`${found.size} lines`);
