import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Consecutive vectors, row-major. */
export interface Block {
  /** Number of the first one. */
  start: number;
  vectors: Float32Array;
}

/** Vectors of unit length to search in, and others to search for. */
export interface Dataset {
  /** Part of file names. */
  id: string;
  /** For a person. */
  label: string;
  dimension: number;
  /** Of the vectors to search in. */
  count: number;
  /** Row-major. None of them is among the vectors to search in. */
  queries: Float32Array;
  /** The vectors to search in, in order, never all at once. A block is valid until the next one. */
  blocks: () => Iterable<Block>;
}

/** Rows of a block. */
export const blockRows = 4096;

/** A data set kept as `base.f32` and `queries.f32`: little-endian floats, one vector after the other. */
export function fileDataset(options: { id: string; label: string; dimension: number; folder: string }): Dataset {
  const { folder, ...rest } = options;
  const rowBytes = options.dimension * 4;
  const base = join(folder, 'base.f32');
  const count = Math.floor(statSync(base).size / rowBytes);
  return {
    ...rest,
    count,
    queries: floatsOf(readFileSync(join(folder, 'queries.f32'))),
    *blocks() {
      const file = openSync(base, 'r');
      try {
        for (let start = 0; start < count; start += blockRows) {
          const rows = Math.min(blockRows, count - start);
          const bytes = new Uint8Array(rows * rowBytes);
          if (readSync(file, bytes, 0, bytes.length, start * rowBytes) !== bytes.length) {
            throw new Error(`${base} was cut while it was read.`);
          }
          yield { start, vectors: new Float32Array(bytes.buffer) };
        }
      } finally {
        closeSync(file);
      }
    },
  };
}

/** The bytes of a view, without a copy. */
export function bytesOf(view: Float32Array | Uint32Array): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/** Floats at an address of their own, which a buffer read from a file need not have. */
export function floatsOf(bytes: Buffer): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** Each query by itself. */
export function queriesOf({ queries, dimension }: Dataset): Float32Array[] {
  return Array.from({ length: queries.length / dimension }, (_, query) =>
    queries.slice(query * dimension, (query + 1) * dimension),
  );
}
