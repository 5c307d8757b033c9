/**
 * Makes the token vectors that training starts from: a vector per piece of the vocabulary, distilled from the transformer.
 *
 *   node models/instant-v2/initial.mjs --vocabulary FOLDER
 *
 * FOLDER holds `vocab.txt` and `counts.tsv` of `train vocabulary`; `initial.bin` is written there. Some minutes.
 *
 * 1. Every piece alone, as [CLS] piece [SEP], through the transformer; mean of the states. A word that the transformer's
 *    own vocabulary cuts is read as its pieces.
 * 2. Principal components of these vectors, each vector counting with the square root of its frequency in code: most of
 *    the vocabulary never occurs there. The mean goes, the first 256 components stay, each scaled to unit variance.
 * 3. Each vector times a / (a + p), p its share of all pieces in code: frequent pieces say little (smooth inverse
 *    frequency, Arora et al. 2017). A piece that occurs nowhere keeps the weight 1.
 * 4. Eight bits per component with a scale per row.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as ort from 'onnxruntime-node';
import { eigenSymmetric } from './linear-algebra.mjs';
import { encodeVectors } from './vectors-file.mjs';
import { PieceReader } from './words.mjs';

const teacherFolder = join(dirname(fileURLToPath(import.meta.url)), '..', 'minilm-l6');
const teacherDimension = 384;
const dimension = 256;
const commonness = 0.003;
const [cls, sep] = [101, 102];
const batchRows = 512;

const { values: options } = parseArgs({ options: { vocabulary: { type: 'string' } } });
if (options.vocabulary === undefined) {
  console.error('usage: node initial.mjs --vocabulary FOLDER');
  process.exit(2);
}

/** @returns the ids that the transformer's tokenizer gives a piece */
function teacherIds() {
  const { model } = JSON.parse(readFileSync(join(teacherFolder, 'tokenizer.json'), 'utf8'));
  const pieces = [];
  for (const [piece, id] of Object.entries(model.vocab)) {
    pieces[id] = piece;
  }
  const reader = new PieceReader(pieces);
  return (piece) => (Object.hasOwn(model.vocab, piece) ? [model.vocab[piece]] : reader.piecesOfWord(piece));
}

/** @returns rows x 384: the mean of the transformer's states for each piece */
async function teacherVectors(vocabulary) {
  const session = await ort.InferenceSession.create(join(teacherFolder, 'model.q8.onnx'), { intraOpNumThreads: 1 });
  const idsOf = teacherIds();
  const sequences = vocabulary.map((piece, row) => ({ row, ids: [cls, ...idsOf(piece), sep] }));
  sequences.sort((a, b) => a.ids.length - b.ids.length || a.row - b.row);
  const vectors = new Float32Array(vocabulary.length * teacherDimension);
  for (let start = 0; start < sequences.length;) {
    const { length } = sequences[start].ids;
    let end = start;
    while (end < sequences.length && end - start < batchRows && sequences[end].ids.length === length) {
      end++;
    }
    const batch = sequences.slice(start, end);
    const shape = [batch.length, length];
    const ids = BigInt64Array.from(batch.flatMap((sequence) => sequence.ids.map(BigInt)));
    const { last_hidden_state: states } = await session.run(
      {
        input_ids: new ort.Tensor('int64', ids, shape),
        attention_mask: new ort.Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape),
      },
      ['last_hidden_state'],
    );
    batch.forEach(({ row }, place) => {
      for (let token = 0; token < length; token++) {
        const at = (place * length + token) * teacherDimension;
        for (let k = 0; k < teacherDimension; k++) {
          vectors[row * teacherDimension + k] += states.data[at + k] / length;
        }
      }
    });
    start = end;
  }
  return vectors;
}

/** @returns rows x dimension: the vectors in the space of their first principal components, of unit variance each */
function reduce(vectors, rowWeights) {
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
  const reduced = new Float32Array(rowWeights.length * dimension);
  for (let row = 0; row < rowWeights.length; row++) {
    for (let d = 0; d < dimension; d++) {
      let projection = 0;
      for (let k = 0; k < n; k++) {
        projection += centred[row * n + k] * components[d * n + k];
      }
      reduced[row * dimension + d] = projection / Math.sqrt(values[d]);
    }
  }
  return reduced;
}

const lines = readFileSync(join(options.vocabulary, 'vocab.txt'));
const vocabulary = lines.toString('utf8').trimEnd().split('\n');
const counts = readFileSync(join(options.vocabulary, 'counts.tsv'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => Number(line.split('\t')[1]));
const total = counts.reduce((sum, count) => sum + count, 0);
const vectors = reduce(await teacherVectors(vocabulary), counts.map(Math.sqrt));
for (let i = 0; i < vectors.length; i++) {
  vectors[i] *= commonness / (commonness + counts[Math.floor(i / dimension)] / total);
}
writeFileSync(join(options.vocabulary, 'initial.bin'), encodeVectors(vectors, dimension, lines));
