import type { IndexProgress } from '../../../protocol/status.ts';

const barWidth = 24;

/** `[#####.....] 1,200/5,000 files  3,400 chunks/s  12 s left` */
export function progressLine(progress: IndexProgress): string {
  const { filesDone, filesTotal, chunksPerSecond, millisecondsLeft, phase, message, waiting } = progress;
  if (phase === 'scanning') return 'Looking for files';
  if (phase === 'embedding') return message ?? 'Embedding';
  const share = filesTotal === 0 ? 0 : filesDone / filesTotal;
  const filled = Math.round(share * barWidth);
  const parts = [
    `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${count(filesDone)}/${count(filesTotal)} files`,
    ...(waiting === undefined ? [`${count(chunksPerSecond)} chunks/s`] : []),
    ...(millisecondsLeft === undefined ? [] : [`${duration(millisecondsLeft)} left`]),
    ...(message === undefined ? [] : [message]),
  ];
  return parts.join('  ');
}

export function count(n: number): string {
  return n.toLocaleString('en-US');
}

export function duration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  return seconds < 60 ? `${String(seconds)} s` : `${String(Math.floor(seconds / 60))} min ${String(seconds % 60)} s`;
}

/** A line of text, rewritten in place; nothing where the stream is not a terminal. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  #shown = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(text: string): void {
    if (!this.#stream.isTTY) return;
    this.#stream.write(`\r${text.slice(0, this.#stream.columns - 1)}\u001B[K`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.#stream.write('\r\u001B[K');
    this.#shown = false;
  }
}

/**
 * One line, rewritten in place. Where the stream is not a terminal only the beginning of each wait is written: without it
 * a script that stands still says nothing.
 */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream;
  #shown = false;
  #waiting = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  update(progress: IndexProgress): void {
    if (!this.#stream.isTTY) {
      if (progress.waiting !== undefined && !this.#waiting) this.#stream.write(`tiercel: ${progress.waiting}\n`);
      this.#waiting = progress.waiting !== undefined;
      return;
    }
    const line = progressLine(progress);
    this.#stream.write(`\r${line.slice(0, this.#stream.columns - 1)}\u001B[K`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.#stream.write('\r\u001B[K');
    this.#shown = false;
  }
}
