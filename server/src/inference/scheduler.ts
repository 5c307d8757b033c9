/** Order of work in the inference process: questions before passages, small batches, cancel between them. */
import type { EncodedText } from './tokens.ts';

export interface BatchModel {
  run(rows: readonly Int32Array[], length: number): Promise<Float32Array>;
}

export interface SchedulerOptions {
  model: BatchModel;
  encode(text: string): EncodedText;
  dimension: number;
  /** Lengths are rounded up to a multiple of this: a GPU compiles per shape. */
  lengthStep: number;
  onVectors(id: number, vectors: Float32Array<ArrayBuffer>): void;
  onFailure(id: number, error: unknown): void;
}

interface Job {
  id: number;
  texts: readonly string[];
  vectors: Float32Array<ArrayBuffer>;
  /** Texts before this index have been encoded. */
  encoded: number;
  /** Encoded, without a vector yet; longest first. */
  waiting: { index: number; ids: Int32Array }[];
}

/** A batch should take about this long: so soon a cancel or a question is noticed. */
const targetMs = 80;
const smallestBudget = 256;
const largestBudget = 32_768;
/** Texts encoded and sorted by length together. */
const window = 64;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queries: Job[] = [];
  readonly #passages: Job[] = [];
  #running = false;
  /** Tokens of one batch, padding included; follows the speed that is seen. */
  #budget = 512;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  add(id: number, role: 'query' | 'passage', texts: readonly string[]): void {
    const vectors = new Float32Array(texts.length * this.#options.dimension);
    (role === 'query' ? this.#queries : this.#passages).push({ id, texts, vectors, encoded: 0, waiting: [] });
    if (!this.#running) {
      this.#running = true;
      setImmediate(() => void this.#work());
    }
  }

  /** Forgets a request; one that is done or unknown is no error. */
  cancel(id: number): void {
    for (const queue of [this.#queries, this.#passages]) {
      const at = queue.findIndex((job) => job.id === id);
      if (at >= 0) queue.splice(at, 1);
    }
  }

  async #work(): Promise<void> {
    for (;;) {
      const job = this.#queries[0] ?? this.#passages[0];
      if (job === undefined) break;
      try {
        if (await this.#step(job)) {
          this.cancel(job.id);
          this.#options.onVectors(job.id, job.vectors);
        }
      } catch (error) {
        this.cancel(job.id);
        this.#options.onFailure(job.id, error);
      }
      // Two turns of the loop: messages that came while the model computed are read before the next batch is chosen.
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
    this.#running = false;
  }

  /** One batch of a job. @returns whether the job is done. */
  async #step(job: Job): Promise<boolean> {
    if (job.waiting.length === 0) this.#encodeWindow(job);
    const longest = job.waiting[0];
    if (longest !== undefined) {
      const step = this.#options.lengthStep;
      const length = Math.ceil(longest.ids.length / step) * step;
      const batch = job.waiting.splice(0, Math.max(1, Math.floor(this.#budget / length)));
      const started = performance.now();
      const vectors = await this.#options.model.run(
        batch.map((item) => item.ids),
        length,
      );
      this.#adapt(batch.length * length, performance.now() - started);
      const { dimension } = this.#options;
      for (const [row, { index }] of batch.entries()) {
        job.vectors.set(vectors.subarray(row * dimension, (row + 1) * dimension), index * dimension);
      }
    }
    return job.waiting.length === 0 && job.encoded === job.texts.length;
  }

  #encodeWindow(job: Job): void {
    const end = Math.min(job.texts.length, job.encoded + window);
    for (const text of job.texts.slice(job.encoded, end)) {
      const { ids, known } = this.#options.encode(text);
      if (known) {
        job.waiting.push({ index: job.encoded, ids });
      } else {
        job.vectors[job.encoded * this.#options.dimension] = 1;
      }
      job.encoded++;
    }
    job.waiting.sort((a, b) => b.ids.length - a.ids.length);
  }

  #adapt(tokens: number, ms: number): void {
    const ideal = (tokens * targetMs) / Math.max(ms, 1);
    // Halfway only: one slow batch (the first on a GPU compiles) says little.
    this.#budget = Math.min(largestBudget, Math.max(smallestBudget, Math.round((this.#budget + ideal) / 2)));
  }
}
