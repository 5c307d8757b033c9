/**
 * A work tree that changes for ever and never grows: every file has a few versions, half of whose chunks they share, and
 * is edited, removed, brought back, and switched with others as a branch is.
 */
import type { ChunkRecord, FileRecord } from '../../../server/src/store/types.ts';
import { generator, keyOf } from '../../contract/material.ts';

export const versions = 6;
const languages = ['typescript', 'python', 'go'];
const folders = ['src', 'lib', 'test/unit', 'docs'];
const clusters = 64;

export class Tree {
  /** Version of each file; -1 while it is removed. */
  readonly current: Int8Array;
  readonly #dimension: number;
  readonly #chunksPerFile: number;
  readonly #centres: Float32Array[];

  constructor(files: number, chunksPerFile: number, dimension: number, seed: number) {
    this.current = new Int8Array(files);
    this.#dimension = dimension;
    this.#chunksPerFile = chunksPerFile;
    const random = generator(seed);
    this.#centres = Array.from({ length: clusters }, () =>
      Float32Array.from({ length: dimension }, () => random() * 2 - 1),
    );
  }

  get files(): number {
    return this.current.length;
  }

  path(file: number): string {
    return `${folders[file % folders.length] ?? ''}/f${String(file)}.src`;
  }

  language(file: number): string {
    return languages[file % languages.length] ?? '';
  }

  /** The text of a chunk in a version of its file: every other chunk is the same in all versions. */
  text(file: number, version: number, chunk: number): string {
    return `file${String(file)} chunk${String(chunk)} ${chunk % 2 === 0 ? 'steady' : `version${String(version)}`}`;
  }

  texts(file: number, version: number): string[] {
    return Array.from({ length: this.#chunksPerFile }, (_, chunk) => this.text(file, version, chunk));
  }

  record(file: number, version: number): FileRecord {
    const chunks = this.texts(file, version).map((text, at): ChunkRecord => ({
      key: keyOf(text),
      startLine: at * 10 + 1,
      endLine: at * 10 + 10,
      payload: new TextEncoder().encode(text),
      symbol: `symbol${String(file)}`,
      doc: '',
      body: text,
    }));
    return {
      path: this.path(file),
      language: this.language(file),
      size: version,
      mtimeMs: 1_700_000_000_000 + version,
      contentHash: keyOf(`${String(file)} ${String(version)}`),
      outcome: '',
      chunks,
    };
  }

  /** The vector of a text: one of a few directions, and noise that depends on the text. */
  vector(text: string): Float32Array {
    const key = keyOf(text);
    const [cluster = 0] = key;
    const centre = this.#centres[cluster % clusters] ?? new Float32Array(this.#dimension);
    const random = generator(new DataView(key.buffer, key.byteOffset).getUint32(4));
    return centre.map((x) => x + (random() * 2 - 1) * 0.9);
  }
}
