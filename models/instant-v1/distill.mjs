/**
 * Makes `vectors.bin` and `vocab.txt` of this folder: a vector per piece of the transformer's vocabulary.
 *
 *   node models/instant-v1/distill.mjs --sources FOLDER --out FOLDER
 *
 * FOLDER of `--sources` holds the checked-out repositories of repositories.tsv. About two minutes on two slow cores; the
 * same on every machine up to the last bits of floating point.
 *
 * 1. Every piece alone, as [CLS] piece [SEP], through the transformer; mean of the three states.
 * 2. Principal components of these vectors, each vector counting with the square root of its frequency in code: most of
 *    the vocabulary never occurs there. The mean goes, the first 256 components stay, each scaled to unit variance.
 * 3. Each vector times a / (a + p), p its share of all pieces in code: frequent pieces say little (smooth inverse
 *    frequency, Arora et al. 2017). A piece that occurs nowhere keeps the weight 1.
 * 4. Eight bits per component with a scale per row.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as ort from 'onnxruntime-node';
import { eigenSymmetric } from './linear-algebra.mjs';
import { sourceFiles } from './sources.mjs';
import { encodeVectors } from './vectors-file.mjs';
import { PieceReader } from './words.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const teacherFolder = join(here, '..', 'minilm-l6');
const teacherDimension = 384;
const [cls, sep] = [101n, 102n];
const batchRows = 512;

const { values: options } = parseArgs({
  options: {
    sources: { type: 'string' },
    out: { type: 'string' },
    /** `mean` of the three states, or the state of the piece alone. */
    pooling: { type: 'string', default: 'mean' },
    dimension: { type: 'string', default: '256' },
    /** Exponent of the frequency with which a vector counts in the components; 0: all alike. */
    frequency: { type: 'string', default: '0.5' },
    /** 1: unit variance per component; 0: variance as it is. */
    whitening: { type: 'string', default: '1' },
    /** The constant a of the weights; 0: no weights. */
    sif: { type: 'string', default: '0.003' },
  },
});
if (options.sources === undefined || options.out === undefined) {
  console.error('usage: node distill.mjs --sources FOLDER --out FOLDER [--sif A] [--whitening W] [--frequency P] …');
  process.exit(2);
}

/** @returns the transformer's pieces in the order of their ids */
function readVocabulary() {
  const { model } = JSON.parse(readFileSync(join(teacherFolder, 'tokenizer.json'), 'utf8'));
  const pieces = [];
  for (const [piece, id] of Object.entries(model.vocab)) {
    pieces[id] = piece;
  }
  return pieces;
}

/** @returns how often each piece occurs in the sources */
function countPieces(vocabulary, folder) {
  const reader = new PieceReader(vocabulary);
  const counts = new Float64Array(vocabulary.length);
  for (const { text } of sourceFiles(folder)) {
    for (const id of reader.piecesOf(text)) {
      counts[id]++;
    }
  }
  return counts;
}

/** @returns rows x 384: what the transformer makes of each piece alone */
async function teacherVectors(rows) {
  const session = await ort.InferenceSession.create(join(teacherFolder, 'model.q8.onnx'));
  const vectors = new Float32Array(rows * teacherDimension);
  for (let start = 0; start < rows; start += batchRows) {
    const size = Math.min(batchRows, rows - start);
    const ids = BigInt64Array.from(
      { length: size * 3 },
      (_, i) => [cls, BigInt(start + Math.floor(i / 3)), sep][i % 3],
    );
    const mask = new BigInt64Array(size * 3).fill(1n);
    const { last_hidden_state: states } = await session.run(
      { input_ids: new ort.Tensor('int64', ids, [size, 3]), attention_mask: new ort.Tensor('int64', mask, [size, 3]) },
      ['last_hidden_state'],
    );
    for (let row = 0; row < size; row++) {
      const [first, own, last] = [0, 1, 2].map((token) => {
        const at = (row * 3 + token) * teacherDimension;
        return states.data.subarray(at, at + teacherDimension);
      });
      const pooled = own.map((value, k) => (options.pooling === 'mean' ? (first[k] + value + last[k]) / 3 : value));
      vectors.set(pooled, (start + row) * teacherDimension);
    }
  }
  return vectors;
}

/** @returns rows x dimension: the vectors in the space of their first principal components */
function reduce(vectors, rowWeights, dimension, whitening) {
  const n = teacherDimension;
  const total = rowWeights.reduce((sum, weight) => sum + weight, 0);
  const mean = new Float64Array(n);
  rowWeights.forEach((weight, row) => {
    for (let k = 0; k < n; k++) {
      mean[k] += (weight / total) * vectors[row * n + k];
    }
  });
  const centred = Float64Array.from(vectors, (value, i) => value - mean[i % n]);
  const covariance = new Float64Array(n * n);
  rowWeights.forEach((weight, row) => {
    if (weight === 0) {
      return;
    }
    for (let a = 0; a < n; a++) {
      const factor = (weight / total) * centred[row * n + a];
      for (let b = 0; b < n; b++) {
        covariance[a * n + b] += factor * centred[row * n + b];
      }
    }
  });
  const { values, vectors: components } = eigenSymmetric(covariance, n);
  const kept = values.slice(0, dimension).reduce((sum, value) => sum + value, 0);
  console.log(`variance kept: ${(kept / values.reduce((sum, value) => sum + value, 0)).toFixed(4)}`);

  const reduced = new Float32Array(rowWeights.length * dimension);
  for (let row = 0; row < rowWeights.length; row++) {
    for (let d = 0; d < dimension; d++) {
      let projection = 0;
      for (let k = 0; k < n; k++) {
        projection += centred[row * n + k] * components[d * n + k];
      }
      reduced[row * dimension + d] = projection / values[d] ** (whitening / 2);
    }
  }
  return reduced;
}

const vocabulary = readVocabulary();
const counts = countPieces(vocabulary, options.sources);
const total = counts.reduce((sum, count) => sum + count, 0);
console.log(`${total} pieces counted, ${counts.filter((count) => count > 0).length} different ones`);

const dimension = Number(options.dimension);
const rowWeights = counts.map((count) => count ** Number(options.frequency));
const vectors = reduce(await teacherVectors(vocabulary.length), rowWeights, dimension, Number(options.whitening));
const a = Number(options.sif);
if (a > 0) {
  for (let i = 0; i < vectors.length; i++) {
    vectors[i] *= a / (a + counts[Math.floor(i / dimension)] / total);
  }
}

mkdirSync(options.out, { recursive: true });
const lines = Buffer.from(`${vocabulary.join('\n')}\n`);
writeFileSync(join(options.out, 'vocab.txt'), lines);
writeFileSync(join(options.out, 'vectors.bin'), encodeVectors(vectors, dimension, lines));
