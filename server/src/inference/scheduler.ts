/** Order of work in the inference process: questions before passages, small batches, cancel between them. */
import { setTimeout as delay } from 'node:timers/promises';
import { errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';
import { BatchSize, isOutOfMemory } from './batch-size.ts';
import type { EncodedText } from './tokens.ts';
import type { TextRole } from './types.ts';

export interface BatchModel {
  run(rows: readonly Int32Array[], length: number): Promise<Float32Array>;
}

export interface SchedulerOptions {
  model: BatchModel;
  encode(text: string, role: TextRole): EncodedText;
  dimension: number;
  /** The length a text of that many tokens is padded to. */
  bucket(tokens: number): number;
  /** Tokens of a batch that were too many before. */
  ceiling?: number | undefined;
  /** Pause after a batch of passages, milliseconds: others want the device too. */
  yieldMs: number;
  onVectors(id: number, vectors: Float32Array<ArrayBuffer>): void;
  onFailure(id: number, error: unknown): void;
  /** The device's memory was exhausted; batches stay at or below so many tokens now. */
  onCeiling(tokens: number): void;
}

interface Item {
  index: number;
  ids: Int32Array;
}

interface Job {
  id: number;
  role: TextRole;
  texts: readonly string[];
  vectors: Float32Array<ArrayBuffer>;
  /** Texts before this index have been encoded. */
  encoded: number;
  /** Encoded, without a vector yet; longest first. */
  waiting: Item[];
}

/** Texts encoded and sorted by length together. */
const window = 64;

/** Work other than vectors that goes before passages. @returns whether it is done */
export type UrgentStep = () => Promise<boolean>;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #urgent: UrgentStep[] = [];
  readonly #queries: Job[] = [];
  readonly #passages: Job[] = [];
  readonly #size: BatchSize;
  #running = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#size = new BatchSize(options.ceiling);
  }

  add(id: number, role: TextRole, texts: readonly string[]): void {
    const vectors = new Float32Array(texts.length * this.#options.dimension);
    const job: Job = { id, role, texts, vectors, encoded: 0, waiting: [] };
    (role === 'passage' ? this.#passages : this.#queries).push(job);
    this.#start();
  }

  /** Work in steps that goes before everything else; a step must not throw. */
  addUrgent(step: UrgentStep): void {
    this.#urgent.push(step);
    this.#start();
  }

  /** Forgets a request; one that is done or unknown is no error. */
  cancel(id: number): void {
    for (const queue of [this.#queries, this.#passages]) {
      const at = queue.findIndex((job) => job.id === id);
      if (at >= 0) queue.splice(at, 1);
    }
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => void this.#work());
  }

  async #work(): Promise<void> {
    for (;;) {
      const urgent = this.#urgent[0];
      const job = this.#queries[0] ?? this.#passages[0];
      if (urgent !== undefined) {
        if (await urgent()) this.#urgent.shift();
      } else if (job !== undefined) {
        await this.#advance(job);
      } else {
        break;
      }
      // Two turns of the loop: messages that came while the model computed are read before the next batch is chosen.
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
    this.#running = false;
  }

  async #advance(job: Job): Promise<void> {
    try {
      if (await this.#step(job)) {
        this.cancel(job.id);
        this.#options.onVectors(job.id, job.vectors);
      } else if (job.role === 'passage' && this.#options.yieldMs > 0) {
        await delay(this.#options.yieldMs);
      }
    } catch (error) {
      this.cancel(job.id);
      this.#options.onFailure(job.id, error);
    }
  }

  /** One batch of a job. @returns whether the job is done. */
  async #step(job: Job): Promise<boolean> {
    if (job.waiting.length === 0) this.#encodeWindow(job);
    const longest = job.waiting[0];
    if (longest !== undefined) {
      const length = this.#options.bucket(longest.ids.length);
      const batch = job.waiting.splice(0, Math.max(1, Math.floor(this.#size.tokens / length)));
      const started = performance.now();
      let vectors: Float32Array;
      try {
        const rows = batch.map((item) => item.ids);
        vectors = await this.#options.model.run(rows, length);
      } catch (error) {
        this.#retrySmaller(job, batch, length, error);
        return false;
      }
      this.#size.ran(batch.length * length, performance.now() - started);
      const { dimension } = this.#options;
      for (const [row, { index }] of batch.entries()) {
        job.vectors.set(vectors.subarray(row * dimension, (row + 1) * dimension), index * dimension);
      }
    }
    return job.waiting.length === 0 && job.encoded === job.texts.length;
  }

  /** Puts a batch back that the device had no memory for. @throws what it was given when it was something else */
  #retrySmaller(job: Job, batch: Item[], length: number, error: unknown): void {
    if (!isOutOfMemory(error)) throw error;
    const ceiling = batch.length === 1 ? undefined : this.#size.ranOut(batch.length * length);
    if (ceiling === undefined) {
      throw new TiercelError(
        errorCodes.memoryPressure,
        `The device has no memory for a text of ${length} tokens (${messageOf(error)}): close other programs, or choose the provider cpu.`,
        { cause: error, retryAfterMs: 30_000 },
      );
    }
    job.waiting.unshift(...batch);
    this.#options.onCeiling(ceiling);
  }

  #encodeWindow(job: Job): void {
    const end = Math.min(job.texts.length, job.encoded + window);
    for (const text of job.texts.slice(job.encoded, end)) {
      const { ids, known } = this.#options.encode(text, job.role);
      if (known) {
        job.waiting.push({ index: job.encoded, ids });
      } else {
        job.vectors[job.encoded * this.#options.dimension] = 1;
      }
      job.encoded++;
    }
    job.waiting.sort((a, b) => b.ids.length - a.ids.length);
  }
}
