/** What is kept of every piece while all are compared: 170 bytes each, in columns. */
import { bands } from './minhash.ts';

export interface PieceRow {
  id: number;
  file: number;
  startLine: number;
  endLine: number;
  /** Size of its set of runs. */
  grams: number;
  /** Of its tokens as they stand, and with names and literals for one another. */
  keptHash: number;
  renamedHash: number;
  bandKeys: Uint32Array;
}

export class PieceTable {
  #length = 0;
  #capacity = 1024;
  #numbers = { id: new Float64Array(1024), kept: new Float64Array(1024), renamed: new Float64Array(1024) };
  #counts = {
    file: new Uint32Array(1024),
    startLine: new Uint32Array(1024),
    endLine: new Uint32Array(1024),
    grams: new Uint32Array(1024),
  };
  #bandKeys = new Uint32Array(1024 * bands);

  get length(): number {
    return this.#length;
  }

  push(row: PieceRow): number {
    if (this.#length === this.#capacity) this.#grow();
    const at = this.#length++;
    this.#numbers.id[at] = row.id;
    this.#numbers.kept[at] = row.keptHash;
    this.#numbers.renamed[at] = row.renamedHash;
    for (const name of ['file', 'startLine', 'endLine', 'grams'] as const) this.#counts[name][at] = row[name];
    this.#bandKeys.set(row.bandKeys, at * bands);
    return at;
  }

  id(at: number): number {
    return this.#numbers.id[at] ?? 0;
  }

  hashes(at: number): { kept: number; renamed: number } {
    return { kept: this.#numbers.kept[at] ?? 0, renamed: this.#numbers.renamed[at] ?? 0 };
  }

  file(at: number): number {
    return this.#counts.file[at] ?? 0;
  }

  startLine(at: number): number {
    return this.#counts.startLine[at] ?? 0;
  }

  endLine(at: number): number {
    return this.#counts.endLine[at] ?? 0;
  }

  grams(at: number): number {
    return this.#counts.grams[at] ?? 0;
  }

  bandKey(at: number, band: number): number {
    return this.#bandKeys[at * bands + band] ?? 0;
  }

  #grow(): void {
    this.#capacity *= 2;
    const numbers = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(this.#capacity);
      grown.set(old);
      return grown;
    };
    const counts = (old: Uint32Array, width = 1): Uint32Array<ArrayBuffer> => {
      const grown = new Uint32Array(this.#capacity * width);
      grown.set(old);
      return grown;
    };
    const { id, kept, renamed } = this.#numbers;
    this.#numbers = { id: numbers(id), kept: numbers(kept), renamed: numbers(renamed) };
    const { file, startLine, endLine, grams } = this.#counts;
    this.#counts = {
      file: counts(file),
      startLine: counts(startLine),
      endLine: counts(endLine),
      grams: counts(grams),
    };
    this.#bandKeys = counts(this.#bandKeys, bands);
  }
}
