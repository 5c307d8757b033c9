/**
 * The background work of one folder: brings the store to what the work tree holds, then fills the deep lane.
 *
 * One loop at a time takes jobs from a coalescing queue; several files are read and cut at once, embedded and committed
 * in batches while the next files are prepared. A full batch waits for the commit before it, so a slow store slows the
 * reader instead of filling memory.
 */
import { setMaxListeners } from 'node:events';
import { cancelled, isCancelled, messageOf } from '../../../protocol/errors.ts';
import type { IndexPhase, IndexProgress } from '../../../protocol/status.ts';
import type { StoreStats, VectorStore } from '../store/types.ts';
import type { FileChange } from '../workspace/types.ts';
import { Batch, commitPatiently, embedMissing } from './batch.ts';
import { fillLane } from './fill.ts';
import type { Lane } from './lane.ts';
import { prepareFile, type PrepareDeps } from './prepare.ts';
import { ProgressMeter } from './progress.ts';
import { JobQueue, type Job } from './queue.ts';
import { scan } from './scan.ts';

export interface IndexerOptions extends PrepareDeps {
  store: VectorStore;
  instant: Lane;
  /** Files read and cut at once. */
  concurrency: number;
}

/** What one stretch of work did, from the last time nothing was left to do. */
export interface WorkDone {
  filesChanged: number;
  embedded: number;
}

interface Waiter {
  deep: boolean;
  done: (work: WorkDone) => void;
  fail: (error: unknown) => void;
}

export class Indexer {
  readonly #options: IndexerOptions;
  readonly #queue = new JobQueue();
  readonly #meter = new ProgressMeter();
  readonly #listeners = new Set<(progress: IndexProgress) => void>();
  readonly #waiters = new Set<Waiter>();
  readonly #closing = new AbortController();
  /** Ends the work under way on pause; a new one is made when it goes on. */
  #working = new AbortController();
  #loop: Promise<void> | undefined;
  #scanReason: string | undefined;
  #paused = false;
  /** Stands still like a pause, but ends with the next one who asks for work. */
  #stopped = false;
  #phase: IndexPhase = 'ready';
  #error: string | undefined;
  #message: string | undefined;
  #deep: Lane | undefined;
  #deepPending = false;
  #work: WorkDone = { filesChanged: 0, embedded: 0 };
  /** As of the last commit. */
  #stats: StoreStats | undefined;

  constructor(options: IndexerOptions) {
    this.#options = options;
  }

  /** The last failure of the background work, until work succeeds again. */
  get error(): string | undefined {
    return this.#error;
  }

  get deepLane(): Lane | undefined {
    return this.#deep;
  }

  get progress(): IndexProgress {
    const now = performance.now();
    const left = this.#meter.millisecondsLeft(now);
    return {
      folder: this.#options.workspace.root,
      phase: this.#phase,
      filesDone: this.#meter.filesDone,
      filesTotal: this.#meter.filesTotal,
      chunksDone: this.#meter.chunksDone,
      chunksPerSecond: Math.round(this.#meter.rate(now)),
      chunks: this.#stats?.chunks ?? 0,
      ...(left === undefined ? {} : { millisecondsLeft: left }),
      ...(this.#message === undefined ? {} : { message: this.#message }),
    };
  }

  /**
   * Counts of the folder as of its last commit. A query must not make the store count every chunk and walk its files on
   * disk, and nobody else commits to this folder's tree.
   */
  async stats(): Promise<StoreStats> {
    return this.#stats ?? this.#refreshStats();
  }

  /** @returns a function that takes the listener away. */
  onProgress(listener: (progress: IndexProgress) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A comparison will be asked for shortly: nobody is told `ready` before it is done. */
  announceScan(): void {
    this.#setPhase('scanning');
  }

  /** Compare the whole work tree with the store and index the difference. */
  rescan(reason: string): void {
    this.#scanReason ??= reason;
    this.#stopped = false;
    this.#start();
  }

  enqueue(changes: readonly FileChange[], reason: string): void {
    this.#meter.begin(performance.now());
    for (const change of changes) {
      const before = this.#queue.size;
      this.#queue.add({ ...change, reason });
      this.#meter.filesTotal += this.#queue.size - before;
    }
    this.#start();
  }

  /** From now on the deep lane is filled whenever nothing else is to do; undefined turns it off. */
  setDeepLane(lane: Lane | undefined): void {
    this.#deep = lane;
    this.#deepPending = lane !== undefined;
    this.#start();
  }

  /** Whether somebody waits for the work to complete. */
  get awaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** Ends the work under way because nobody wants it any more. The next {@link rescan} finds what is left to do. */
  stop(): void {
    this.#stopped = true;
    this.#working.abort();
    this.#setPhase('paused');
  }

  pause(): void {
    this.#paused = true;
    this.#working.abort();
    this.#setPhase('paused');
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // What was under way is found again by comparing, whether it was read, cut or half embedded.
    this.rescan('resumed');
  }

  get paused(): boolean {
    return this.#paused;
  }

  /**
   * Resolves when lexical and instant lanes (with `deep`, all lanes) hold what the work tree holds.
   * @throws what stopped the work; `Cancelled` on signal.
   */
  async whenComplete(deep: boolean, signal: AbortSignal): Promise<WorkDone> {
    if (signal.aborted) throw cancelled();
    let onAbort: () => void = () => undefined;
    const complete = new Promise<WorkDone>((resolve, reject) => {
      const waiter: Waiter = { deep, done: resolve, fail: reject };
      onAbort = () => {
        this.#waiters.delete(waiter);
        reject(cancelled());
      };
      this.#waiters.add(waiter);
    });
    signal.addEventListener('abort', onAbort, { once: true });
    this.#start();
    try {
      return await complete;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Stops without losing what was committed. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#working.abort();
    this.#settle((waiter) => {
      waiter.fail(cancelled());
      return true;
    });
    await this.#loop;
    this.#listeners.clear();
  }

  #start(): void {
    if (this.#loop !== undefined || this.#paused || this.#stopped || this.#closing.signal.aborted) return;
    this.#working = new AbortController();
    // Every file under way listens to it.
    setMaxListeners(0, this.#working.signal);
    this.#loop = this.#run(this.#working.signal)
      .catch((error: unknown) => {
        if (isCancelled(error)) return;
        this.#error = messageOf(error);
        this.#options.logger.error(`Indexing of ${this.#options.workspace.root} stopped: ${this.#error}`, error);
        this.#queue.clear();
        this.#setPhase('failed');
        this.#settle((waiter) => {
          waiter.fail(error);
          return true;
        });
      })
      .finally(() => {
        this.#loop = undefined;
        if (this.#phase !== 'failed' && this.#hasWork()) this.#start();
      });
  }

  #hasWork(): boolean {
    return this.#scanReason !== undefined || this.#queue.size > 0 || this.#deepPending || this.#waiters.size > 0;
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      if (this.#scanReason !== undefined) await this.#scan(signal);
      if (this.#queue.size > 0) {
        await this.#drain(signal);
        continue;
      }
      await this.#refreshStats();
      this.#error = undefined;
      this.#settle((waiter) => {
        if (waiter.deep && this.#deep !== undefined && this.#deepPending) return false;
        waiter.done(this.#work);
        return true;
      });
      if (this.#deep !== undefined && this.#deepPending) {
        await this.#fillDeep(this.#deep, signal);
        continue;
      }
      if (this.#scanReason === undefined && this.#queue.size === 0) break;
    }
    this.#work = { filesChanged: 0, embedded: 0 };
    this.#message = undefined;
    this.#setPhase('ready');
  }

  async #scan(signal: AbortSignal): Promise<void> {
    const { store, workspace, logger } = this.#options;
    const reason = this.#scanReason ?? '';
    this.#scanReason = undefined;
    this.#setPhase('scanning');
    try {
      const { jobs, total } = await scan(store, workspace, signal);
      logger.info(`${workspace.root}: ${String(jobs.length)} of ${String(total)} files to index (${reason})`);
      this.#meter.begin(performance.now());
      for (const job of jobs) {
        const before = this.#queue.size;
        this.#queue.add(job);
        this.#meter.filesTotal += this.#queue.size - before;
      }
    } catch (error) {
      // The comparison is still owed.
      this.#scanReason ??= reason;
      throw error;
    }
  }

  async #drain(signal: AbortSignal): Promise<void> {
    this.#setPhase('indexing');
    let batch = new Batch();
    let committing: Promise<void> = Promise.resolve();
    const hand = (): Promise<void> => {
      const full = batch;
      batch = new Batch();
      const before = committing;
      committing = before.then(() => this.#commit(full, signal));
      // The rejection reaches the caller through the next await of `committing`.
      committing.catch(() => undefined);
      return before;
    };
    const work = async (): Promise<void> => {
      for (let job = this.#queue.take(); job !== undefined; job = this.#queue.take()) {
        if (signal.aborted) throw cancelled();
        await this.#prepareInto(() => batch, job, signal);
        if (batch.full) await hand();
      }
    };
    try {
      await Promise.all(Array.from({ length: this.#options.concurrency }, work));
      await hand();
      await committing;
    } catch (error) {
      await committing.catch(() => undefined);
      // Jobs taken but not committed are known to the next comparison only.
      this.#scanReason ??= 'interrupted';
      throw error;
    }
  }

  async #prepareInto(batch: () => Batch, job: Job, signal: AbortSignal): Promise<void> {
    const prepared = job.kind === 'removed' ? undefined : await prepareFile(this.#options, job.path, signal);
    this.#options.logger.debug(`${job.path}: ${prepared === undefined ? 'removed' : 'indexed'} (${job.reason})`);
    if (prepared === undefined) batch().remove.push(job.path);
    else batch().add(prepared);
  }

  async #commit(batch: Batch, signal: AbortSignal): Promise<void> {
    if (batch.files === 0) return;
    const { store, workspace, instant } = this.#options;
    const vectors = await embedMissing(store, instant, batch.texts, signal);
    await commitPatiently(
      store,
      { tree: workspace.root, put: batch.put, remove: batch.remove, vectors: vectors === undefined ? [] : [vectors] },
      signal,
      (message) => {
        this.#message = message;
        this.#publish();
      },
    );
    this.#message = undefined;
    if (this.#deep !== undefined && batch.chunks > 0) this.#deepPending = true;
    this.#work.filesChanged += batch.files;
    this.#work.embedded += vectors === undefined ? 0 : vectors.vectors.length / instant.embedder.model.dimension;
    this.#meter.committed(batch.files, batch.chunks, performance.now());
    await this.#refreshStats();
    this.#publish();
  }

  async #fillDeep(lane: Lane, signal: AbortSignal): Promise<void> {
    this.#setPhase('embedding');
    const finished = await fillLane(this.#options, lane, signal, {
      // Files that changed go first: a search must not wait for the transformer to see a saved file.
      interrupted: () => this.#queue.size > 0 || this.#scanReason !== undefined || this.#deep !== lane,
      onProgress: async (files, total, embedded) => {
        this.#work.embedded += embedded;
        await this.#refreshStats();
        this.#message = `deep vectors: ${String(files)} of ${String(total)} files`;
        this.#publish();
      },
    });
    if (this.#deep === lane) this.#deepPending = !finished;
    this.#message = undefined;
  }

  async #refreshStats(): Promise<StoreStats> {
    const { store, workspace } = this.#options;
    const stats = await store.stats(workspace.root);
    // Two that were asked for at once may come back in either order.
    if (this.#stats === undefined || stats.generation >= this.#stats.generation) this.#stats = stats;
    return this.#stats;
  }

  #settle(finish: (waiter: Waiter) => boolean): void {
    for (const waiter of [...this.#waiters]) {
      if (finish(waiter)) this.#waiters.delete(waiter);
    }
  }

  #setPhase(phase: IndexPhase): void {
    if (this.#paused && phase !== 'paused') return;
    this.#phase = phase;
    this.#publish();
  }

  #publish(): void {
    const progress = this.progress;
    for (const listener of this.#listeners) listener(progress);
  }
}
