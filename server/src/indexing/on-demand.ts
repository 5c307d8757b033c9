/** Vectors of single chunks for a query that waits: computed at once, kept for the next query, stored behind it. */
import { cancelled, isCancelled, isRetryable, messageOf } from '../../../protocol/errors.ts';
import { hashBytes, type ChunkInfo, type VectorBatch } from '../store/types.ts';
import type { Lane } from './lane.ts';
import { prepareFile, type PrepareDeps } from './prepare.ts';

export interface OnDemandOptions extends PrepareDeps {
  lane: Lane;
  /** Whether chunks that a query had no time for are embedded behind it. */
  goOn: () => boolean;
  /** Stores vectors; rejects where the store refuses them. */
  keep: (batch: VectorBatch) => Promise<void>;
}

export interface ChunkVectors {
  /** By chunk id, of unit length. */
  vectors: ReadonlyMap<number, Float32Array>;
  /** How many of them were computed just now. */
  embedded: number;
  note?: string;
}

/** The work for one query. */
interface Run {
  vectors: Map<number, Float32Array>;
  /** The query has its answer: what is computed now is for the next ones. */
  answered: boolean;
  /** Whether another chunk is begun. */
  goesOn: boolean;
  note: string | undefined;
}

/** A commit is worth it from so many vectors on, or after so long: it writes files. */
const commitFrom = 128;
const commitAfterMs = 2000;
/** What a store that takes nothing may cost in memory: 3 MiB at 768 dimensions. */
const mostWaiting = 1024;
/** Files that are read and cut while a chunk of the one before is embedded. */
const filesAhead = 2;

export class OnDemandVectors {
  readonly #options: OnDemandOptions;
  /** By key (hexadecimal): computed and not in the store yet, oldest first. */
  readonly #waiting = new Map<string, Float32Array>();
  #timer: NodeJS.Timeout | undefined;
  #storing: Promise<void> | undefined;
  readonly #runs = new Map<Run, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: OnDemandOptions) {
    this.#options = options;
  }

  /**
   * Vectors of chunks, in their order, as many as there is time for. The others follow behind the query, until the next
   * one comes. A chunk whose file has changed since it was indexed has none.
   *
   * @throws TiercelError `Cancelled`
   */
  async vectorsOf(chunks: readonly ChunkInfo[], ms: number, signal: AbortSignal): Promise<ChunkVectors> {
    if (signal.aborted) throw cancelled();
    for (const run of this.#runs.keys()) if (run.answered) run.goesOn = false;
    const vectors = new Map<number, Float32Array>();
    for (const chunk of chunks) {
      const computed = this.#waiting.get(keyOf(chunk));
      if (computed !== undefined) vectors.set(chunk.id, computed);
    }
    const before = vectors.size;
    const rest = chunks.filter(({ id }) => !vectors.has(id));
    if (ms <= 0 || rest.length === 0 || this.#closing.signal.aborted) return { vectors, embedded: 0 };
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    const run: Run = { vectors, answered: false, goesOn: true, note: undefined };
    const work = this.#embed(rest, run, stop).catch((error: unknown) => {
      if (!isCancelled(error)) run.note = messageOf(error);
    });
    this.#runs.set(run, work);
    void work.finally(() => this.#runs.delete(run));
    await inTime(work, ms, signal);
    run.answered = true;
    // The text under way is not lost in any case: where one takes longer than the time, there would never be a vector.
    run.goesOn = this.#options.goOn();
    if (isAborted(signal)) throw cancelled();
    const { note } = run;
    // A copy: what goes on adds to it.
    const ready = new Map(vectors);
    return { vectors: ready, embedded: ready.size - before, ...(note === undefined ? {} : { note }) };
  }

  /** Resolves when what was computed is stored or given up. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await Promise.all(this.#runs.values());
    await this.#storing;
    await this.#store();
  }

  async #embed(chunks: readonly ChunkInfo[], run: Run, stop: AbortSignal): Promise<void> {
    const paths = [...new Set(chunks.map(({ path }) => path))];
    const files = new Map<string, Promise<ReadonlyMap<string, string>>>();
    const textsOf = (path: string): Promise<ReadonlyMap<string, string>> => {
      const texts = files.get(path) ?? this.#textsOf(path, stop);
      // Those read ahead may be cancelled before anybody asks for them.
      texts.catch(() => undefined);
      files.set(path, texts);
      return texts;
    };
    for (const chunk of chunks) {
      const at = paths.indexOf(chunk.path);
      for (const path of paths.slice(at, at + 1 + filesAhead)) void textsOf(path);
      const text = (await textsOf(chunk.path)).get(keyOf(chunk));
      if (stop.aborted || !run.goesOn) return;
      if (text === undefined) continue;
      // Behind the query it must not keep the next one's from being embedded.
      const role = run.answered ? 'passage' : 'similar';
      const vector = await this.#options.lane.embedder.embed([text], role, stop);
      run.vectors.set(chunk.id, vector);
      this.#remember(keyOf(chunk), vector);
    }
  }

  /** What is embedded of a file's chunks, by key. */
  async #textsOf(path: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const prepared = await prepareFile(this.#options, path, signal);
    const chunks = prepared?.file.chunks ?? [];
    return new Map(chunks.map((chunk, at) => [keyOf(chunk), prepared?.texts[at] ?? '']));
  }

  #remember(key: string, vector: Float32Array): void {
    this.#waiting.set(key, vector);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= mostWaiting) break;
      this.#waiting.delete(oldest);
    }
    if (this.#waiting.size >= commitFrom) this.#storeNow();
    else this.#storeLater(commitAfterMs);
  }

  #storeLater(ms: number): void {
    if (this.#closing.signal.aborted) return;
    this.#timer ??= setTimeout(() => {
      this.#storeNow();
    }, ms).unref();
  }

  #storeNow(): void {
    if (this.#closing.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#storing ??= this.#store().finally(() => {
      this.#storing = undefined;
      if (this.#waiting.size > 0) this.#storeLater(commitAfterMs);
    });
  }

  /** Puts what waits into the store. One that is short of memory gets it later; what fails otherwise is computed again. */
  async #store(): Promise<void> {
    const batch = [...this.#waiting];
    if (batch.length === 0) return;
    const { lane, keep, logger, workspace } = this.#options;
    const { dimension } = lane.embedder.model;
    const vectors = new Float32Array(batch.length * dimension);
    batch.forEach(([, vector], at) => {
      vectors.set(vector, at * dimension);
    });
    const keys = Uint8Array.from(Buffer.from(batch.map(([key]) => key).join(''), 'hex'));
    try {
      await keep({ space: lane.space, keys, vectors });
    } catch (error) {
      logger.warn(`${workspace.root}: ${batch.length} deep vectors of searches were not stored: ${messageOf(error)}`);
      if (isRetryable(error)) {
        this.#storeLater(error.retryAfterMs ?? commitAfterMs);
        return;
      }
    }
    for (const [key, vector] of batch) if (this.#waiting.get(key) === vector) this.#waiting.delete(key);
  }
}

function keyOf({ key }: { key: Uint8Array }): string {
  return Buffer.from(key.buffer, key.byteOffset, hashBytes).toString('hex');
}

/** Asked again after waiting, which the type of a signal does not foresee. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Whether work is done within a time; it goes on in any case. */
async function inTime(work: Promise<void>, ms: number, signal: AbortSignal): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  let end: (() => void) | undefined;
  const late = new Promise<false>((resolve) => {
    end = (): void => {
      resolve(false);
    };
    timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
    if (end !== undefined) signal.removeEventListener('abort', end);
  }
}
