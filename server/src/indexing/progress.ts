/** Counts of one burst of work and what can be told from them: rate and time left. */
const windowMs = 5000;

interface Sample {
  at: number;
  chunks: number;
}

export class ProgressMeter {
  filesDone = 0;
  filesTotal = 0;
  chunksDone = 0;
  #startedAt = 0;
  readonly #samples: Sample[] = [];

  /** Starts a new burst unless one is under way. */
  begin(now: number): void {
    if (this.filesDone < this.filesTotal) return;
    this.restart(0, now);
  }

  /** Starts a new burst in any case. */
  restart(filesTotal: number, now: number): void {
    this.filesDone = 0;
    this.filesTotal = filesTotal;
    this.chunksDone = 0;
    this.#startedAt = now;
    this.#samples.length = 0;
  }

  committed(files: number, chunks: number, now: number): void {
    this.filesDone += files;
    this.chunksDone += chunks;
    this.#samples.push({ at: now, chunks });
    while (this.#samples.length > 2 && (this.#samples[0]?.at ?? now) < now - windowMs) this.#samples.shift();
  }

  /** Chunks per second over the last seconds. */
  rate(now: number): number {
    const first = this.#samples[0];
    if (first === undefined) return 0;
    const chunks = this.#samples.reduce((sum, sample) => sum + sample.chunks, 0);
    const since = this.#samples.length === 1 ? this.#startedAt : first.at;
    const counted = this.#samples.length === 1 ? chunks : chunks - first.chunks;
    return (counted * 1000) / Math.max(now - since, 1);
  }

  /** Milliseconds until the burst is done at its mean pace so far; undefined before anything is done. */
  millisecondsLeft(now: number): number | undefined {
    if (this.filesDone === 0 || this.filesTotal === 0) return undefined;
    const left = Math.max(this.filesTotal - this.filesDone, 0);
    return Math.round(((now - this.#startedAt) / this.filesDone) * left);
  }
}
