import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf, floatsOf, type Dataset } from './data/dataset.ts';
import { log } from './log.ts';
import { benchFolder, sourceRoot } from './places.ts';
import { requirePython } from './python.ts';

/** Neighbours kept per query: more than any k that is asked, so that equal scores at the border are known. */
const depth = 200;
/** Multiplications up to which a loop here is fast enough. */
const smallWork = 4e9;
/** Two scores closer than this are equal: f32 sums depend on their order. */
const equal = 2e-6;

/** The exact neighbours of the queries of a data set. */
export interface Truth {
  /** Neighbours of one query, best first. */
  depth: number;
  rows: Uint32Array;
  scores: Float32Array;
}

/** Exact neighbours in f32, found by code that shares nothing with what is benched. Computed once, then cached. */
export async function truthOf(dataset: Dataset): Promise<Truth> {
  const kept = Math.min(depth, dataset.count);
  const file = join(benchFolder(), 'truth', `${dataset.id}-${dataset.count}.bin`);
  const queries = dataset.queries.length / dataset.dimension;
  const small = queries * dataset.count * dataset.dimension <= smallWork;
  if (small) return exactByLoop(dataset, kept);
  if (!existsSync(file)) {
    log(`Exact neighbours of ${queries} queries among ${dataset.count} …`);
    mkdirSync(join(benchFolder(), 'truth'), { recursive: true });
    await exactByNumpy(dataset, kept, `${file}.part`);
    renameSync(`${file}.part`, file);
  }
  const bytes = readFileSync(file);
  const half = queries * kept * 4;
  if (bytes.length !== 2 * half) throw new Error(`${file} does not fit its data: remove it.`);
  const rows = new Uint32Array(Uint8Array.from(bytes.subarray(0, half)).buffer);
  return { depth: kept, rows, scores: floatsOf(bytes.subarray(half)) };
}

/**
 * Share of the k nearest that were found, over all queries. A row as near as the k-th counts as well: which of equals
 * comes first is nobody's mistake.
 */
export function recallOf(truth: Truth, found: readonly (readonly number[])[], k: number): number {
  let hits = 0;
  let possible = 0;
  for (const [query, rows] of found.entries()) {
    const offset = query * truth.depth;
    const wanted = Math.min(k, truth.depth);
    const border = (truth.scores[offset + wanted - 1] ?? 0) - equal;
    const good = new Set<number>();
    for (let rank = 0; rank < truth.depth && (truth.scores[offset + rank] ?? -2) >= border; rank++) {
      good.add(truth.rows[offset + rank] ?? 0);
    }
    hits += Math.min(wanted, new Set(rows.slice(0, k).filter((row) => good.has(row))).size);
    possible += wanted;
  }
  return hits / possible;
}

async function exactByNumpy(dataset: Dataset, kept: number, out: string): Promise<void> {
  const queries = `${out}.queries`;
  writeFileSync(queries, bytesOf(dataset.queries));
  const program = join(sourceRoot(), 'bench', 'truth.py');
  const child = spawn(requirePython(), [program, queries, String(dataset.dimension), String(kept), out], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const ended = once(child, 'exit');
  // When it ends early, its exit says so.
  child.stdin.on('error', () => undefined);
  for (const { vectors } of dataset.blocks()) {
    if (child.exitCode !== null) break;
    if (!child.stdin.write(bytesOf(vectors))) await Promise.race([once(child.stdin, 'drain'), ended]);
  }
  child.stdin.end();
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error('bench/truth.py failed, see above.');
}

function exactByLoop(dataset: Dataset, kept: number): Truth {
  const { dimension, queries } = dataset;
  const count = queries.length / dimension;
  const scores = new Float32Array(count * dataset.count);
  for (const { start, vectors } of dataset.blocks()) {
    for (let row = 0; row * dimension < vectors.length; row++) {
      for (let query = 0; query < count; query++) {
        let sum = 0;
        for (let j = 0; j < dimension; j++) {
          sum += (vectors[row * dimension + j] ?? 0) * (queries[query * dimension + j] ?? 0);
        }
        scores[query * dataset.count + start + row] = sum;
      }
    }
  }
  const truth = { depth: kept, rows: new Uint32Array(count * kept), scores: new Float32Array(count * kept) };
  for (let query = 0; query < count; query++) {
    const own = scores.subarray(query * dataset.count, (query + 1) * dataset.count);
    const order = Array.from(own.keys()).sort((a, b) => (own[b] ?? 0) - (own[a] ?? 0) || a - b);
    for (const [rank, row] of order.slice(0, kept).entries()) {
      truth.rows[query * kept + rank] = row;
      truth.scores[query * kept + rank] = own[row] ?? 0;
    }
  }
  return truth;
}
