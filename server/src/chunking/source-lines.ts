/** The text of a file as rows. Rows are 0-based, line numbers of chunks are 1-based. */

/** Longest text of a chunk in characters; what a very long line has beyond it is left out of the chunk's text. */
export const maxChunkCharacters = 4000;

export class SourceLines {
  /** Without byte order mark, with `\n` as the only line end and without NUL, which the grammars take for the end. */
  readonly text: string;
  readonly rows: readonly string[];
  /** Offset of each row in `text`, with one more entry for the end. */
  readonly #starts: Float64Array;

  constructor(raw: string) {
    const withoutMark = raw.charCodeAt(0) === 0xfeff ? raw.slice(1) : raw;
    this.text = withoutMark.replaceAll('\r\n', '\n').replaceAll('\0', ' ');
    this.rows = this.text.split('\n');
    this.#starts = new Float64Array(this.rows.length + 1);
    let offset = 0;
    for (const [row, line] of this.rows.entries()) {
      this.#starts[row] = offset;
      offset += line.length + 1;
    }
    this.#starts[this.rows.length] = offset;
  }

  get lastRow(): number {
    return this.rows.length - 1;
  }

  row(row: number): string {
    return this.rows[row] ?? '';
  }

  isBlank(row: number): boolean {
    return this.row(row).trim() === '';
  }

  /** Offset of the row's first character. */
  startOf(row: number): number {
    return this.#starts[row] ?? this.text.length;
  }

  /** Characters of rows `first..last`, line ends included. */
  characters(first: number, last: number): number {
    return this.startOf(last + 1) - this.startOf(first);
  }

  /** Rows `first..last` joined, cut at {@link maxChunkCharacters}. */
  slice(first: number, last: number): string {
    const start = this.startOf(first);
    return this.text.slice(start, Math.min(this.startOf(last + 1) - 1, start + maxChunkCharacters));
  }

  nonBlank(first: number, last: number): number {
    let count = 0;
    for (let row = first; row <= last; row++) if (!this.isBlank(row)) count++;
    return count;
  }

  /** `first..last` without blank rows at either end, or undefined when all are blank. */
  trim(first: number, last: number): { first: number; last: number } | undefined {
    let start = first;
    let end = last;
    while (start <= end && this.isBlank(start)) start++;
    while (end >= start && this.isBlank(end)) end--;
    return start > end ? undefined : { first: start, last: end };
  }
}
