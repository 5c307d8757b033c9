import { appendFileSync, closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf } from '../data/dataset.ts';
import { type Contender, Stopwatch } from './types.ts';

const fileName = 'vectors.f32';

/** The baseline: all vectors in one Float32Array, a loop over it. */
export function scalarLoop(): Contender {
  return {
    version: process.version,
    setup: 'Float32Array, every vector compared, exact',
    slow: true,
    points: () => [{ label: 'exact', parameters: {} }],
    async build(dataset, folder) {
      const watch = new Stopwatch();
      for (const { vectors } of dataset.blocks()) {
        await watch.time(() => appendFileSync(join(folder, fileName), bytesOf(vectors)));
      }
      return { seconds: watch.seconds };
    },
    open({ dimension, count }, folder) {
      const vectors = readFloats(join(folder, fileName));
      const scores = new Float32Array(count);
      return Promise.resolve({
        tune: () => undefined,
        prepare: (query, k) => () => {
          for (let row = 0, at = 0; row < count; row++) {
            let sum = 0;
            for (let j = 0; j < dimension; j++, at++) sum += (vectors[at] ?? 0) * (query[j] ?? 0);
            scores[row] = sum;
          }
          const best = bestOf(scores, k);
          return { rows: () => best };
        },
        declaredBytes: () => Promise.resolve({ vectors: vectors.byteLength, scores: scores.byteLength }),
        close: () => undefined,
      });
    },
  };
}

/** Piece by piece, as a single read cannot have more than 2 GiB. */
function readFloats(file: string): Float32Array {
  const bytes = new Uint8Array(statSync(file).size);
  const handle = openSync(file, 'r');
  const piece = 2 ** 26;
  for (let at = 0; at < bytes.length; at += piece) {
    readSync(handle, bytes, at, Math.min(piece, bytes.length - at), at);
  }
  closeSync(handle);
  return new Float32Array(bytes.buffer);
}

function bestOf(scores: Float32Array, k: number): number[] {
  const best: { row: number; score: number }[] = [];
  let worst = -Infinity;
  for (let row = 0; row < scores.length; row++) {
    const score = scores[row] ?? 0;
    if (best.length === k && score <= worst) continue;
    const place = best.findIndex((other) => other.score < score);
    best.splice(place === -1 ? best.length : place, 0, { row, score });
    best.length = Math.min(best.length, k);
    worst = best.at(-1)?.score ?? -Infinity;
  }
  return best.map(({ row }) => row);
}
