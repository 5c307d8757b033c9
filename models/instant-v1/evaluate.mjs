/**
 * Scores a file of token vectors by the task it is for: find a function by the first sentence of its documentation, among
 * the documented blocks of the same repository.
 *
 *   node models/instant-v1/evaluate.mjs --sources FOLDER --model FOLDER
 *
 * Prints NDCG@10 (one right answer), the mean over languages of the mean over repositories.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pairsOf } from './pairs.mjs';
import { sourceFiles } from './sources.mjs';
import { decodeVectors } from './vectors-file.mjs';
import { PieceReader } from './words.mjs';

const fewestPairs = 50;
const mostPairs = 3000;
const queriesPerRepository = 60;

const { values: options } = parseArgs({ options: { sources: { type: 'string' }, model: { type: 'string' } } });
if (options.sources === undefined || options.model === undefined) {
  console.error('usage: node evaluate.mjs --sources FOLDER --model FOLDER');
  process.exit(2);
}
const { dimension, vectors } = decodeVectors(readFileSync(join(options.model, 'vectors.bin')));
const reader = new PieceReader(readFileSync(join(options.model, 'vocab.txt'), 'utf8').trimEnd().split('\n'));

function embed(text) {
  const counts = new Map();
  for (const id of reader.piecesOf(text)) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const sum = new Float32Array(dimension);
  for (const [id, count] of counts) {
    const weight = 1 + Math.log(count);
    for (let k = 0; k < dimension; k++) {
      sum[k] += weight * vectors[id * dimension + k];
    }
  }
  const length = Math.hypot(...sum) || 1;
  return sum.map((value) => value / length);
}

function dot(a, b) {
  let sum = 0;
  for (let k = 0; k < dimension; k++) {
    sum += a[k] * b[k];
  }
  return sum;
}

/** The repository's main language, and its pairs with a sentence that stands there once. */
function readRepository(folder) {
  const bytes = new Map();
  const bySentence = new Map();
  for (const { language, text } of sourceFiles(folder)) {
    bytes.set(language, (bytes.get(language) ?? 0) + text.length);
    for (const pair of pairsOf(text, language)) {
      bySentence.set(pair.query, bySentence.has(pair.query) ? undefined : pair);
    }
  }
  const [language] = [...bytes].sort((a, b) => b[1] - a[1])[0] ?? ['none'];
  const pairs = [...bySentence.values()].filter((pair) => pair !== undefined);
  return { language, pairs: pairs.slice(0, mostPairs) };
}

function score(pairs) {
  const documents = pairs.map((pair) => embed(pair.code));
  const step = Math.max(1, pairs.length / queriesPerRepository);
  let gain = 0;
  let asked = 0;
  for (let at = 0; at < pairs.length; at += step) {
    const right = Math.floor(at);
    const query = embed(pairs[right].query);
    const similarity = dot(query, documents[right]);
    const rank = documents.filter((document) => dot(query, document) >= similarity).length;
    gain += rank <= 10 ? 1 / Math.log2(1 + rank) : 0;
    asked++;
  }
  return gain / asked;
}

const scores = new Map();
let count = 0;
for (const repository of readdirSync(options.sources)) {
  const { language, pairs } = readRepository(join(options.sources, repository));
  if (pairs.length >= fewestPairs) {
    count += pairs.length;
    scores.set(language, [...(scores.get(language) ?? []), score(pairs)]);
  }
}
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
for (const [language, values] of scores) {
  console.log(`${language}\t${values.length}\t${mean(values).toFixed(4)}`);
}
console.log(`mean over ${scores.size} languages, ${count} pairs: ${mean([...scores.values()].map(mean)).toFixed(4)}`);
