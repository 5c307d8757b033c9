/**
 * The background work of one folder: brings the store to what the work tree holds, then fills the deep lane.
 *
 * One loop at a time takes jobs from a coalescing queue; several files are read and cut at once, embedded and committed
 * in batches while the next files are prepared. A full batch waits for the commit before it, and nothing more is read
 * until that is done: a slow store, or one that is short of memory, slows the reader instead of filling memory.
 */
import { setMaxListeners } from 'node:events';
import { cancelled, isCancelled, messageOf } from '../../../protocol/errors.ts';
import type { IndexPhase, IndexProgress } from '../../../protocol/status.ts';
import type { StoreStats, VectorStore } from '../store/types.ts';
import type { FileChange } from '../workspace/types.ts';
import { Batch, embedMissing } from './batch.ts';
import { CommitQueue, commitPatiently } from './commits.ts';
import { fillLane } from './fill.ts';
import type { Lane } from './lane.ts';
import { Patience } from './patience.ts';
import { prepareFile, type PrepareDeps } from './prepare.ts';
import { ProgressMeter } from './progress.ts';
import { JobQueue, type Job } from './queue.ts';
import { scan } from './scan.ts';
import { Waiters, type WorkDone } from './waiters.ts';

export interface IndexerOptions extends PrepareDeps {
  store: VectorStore;
  instant: Lane;
  /** Files read and cut at once. */
  concurrency: number;
}

export class Indexer {
  readonly #options: IndexerOptions;
  readonly #queue = new JobQueue();
  readonly #meter = new ProgressMeter();
  readonly #listeners = new Set<(progress: IndexProgress) => void>();
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
  readonly #patience: Patience;
  readonly #waiters = new Waiters(() => this.#patience.waiting);
  #deep: Lane | undefined;
  #deepPending = false;
  #work: WorkDone = { filesChanged: 0, embedded: 0 };
  /** As of the last commit. */
  #stats: StoreStats | undefined;

  constructor(options: IndexerOptions) {
    this.#options = options;
    this.#patience = new Patience(options.workspace.root, options.logger, () => {
      this.#publish();
    });
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
    const working = this.#phase === 'indexing' || this.#phase === 'embedding';
    const waiting = working ? this.#patience.waiting?.why : undefined;
    const left = waiting === undefined ? this.#meter.millisecondsLeft(now) : undefined;
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
      ...(waiting === undefined ? {} : { waiting, message: waiting }),
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
    // Files that are gone make room, and none waits for the deep lane.
    const urgent = this.#phase === 'embedding' || changes.some(({ kind }) => kind === 'removed');
    if (urgent && this.#patience.waiting !== undefined) this.#patience.retryNow();
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

  /** What the store may take has changed: a commit that waits is tried at once. */
  retryNow(): void {
    this.#patience.retryNow();
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
   *
   * @param patienceMs how long the work may wait for memory; it goes on waiting when this caller has given up
   * @throws what stopped the work; `MemoryPressure` when patience is over; `Cancelled` on signal.
   */
  async whenComplete(deep: boolean, signal: AbortSignal, patienceMs = Number.POSITIVE_INFINITY): Promise<WorkDone> {
    const complete = this.#waiters.join(deep, signal, patienceMs);
    this.#start();
    return complete;
  }

  /** Stops without losing what was committed. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#working.abort();
    this.#waiters.fail(cancelled());
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
        this.#waiters.fail(error);
      })
      .finally(() => {
        this.#loop = undefined;
        this.#patience.goOn();
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
      this.#waiters.done(this.#work, this.#deep === undefined || !this.#deepPending);
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
    const preparing = new Set<string>();
    const underWay = (path: string): boolean => preparing.has(path) || batch.has(path) || commits.holds(path);
    const removeMeanwhile = (): Promise<void> => this.#removeGone((path) => !underWay(path));
    const commits = new CommitQueue((full) => this.#commit(full, signal, removeMeanwhile));
    const hand = (): void => {
      commits.add(batch);
      batch = new Batch();
    };
    const work = async (): Promise<void> => {
      for (;;) {
        await commits.room();
        if (batch.full) hand();
        const job = this.#queue.take();
        if (job === undefined) return;
        if (signal.aborted) throw cancelled();
        preparing.add(job.path);
        await this.#prepareInto(() => batch, job, signal);
        preparing.delete(job.path);
      }
    };
    try {
      await Promise.all(Array.from({ length: this.#options.concurrency }, work));
      hand();
      await commits.finished();
    } catch (error) {
      await commits.finished().catch(() => undefined);
      // Jobs taken but not committed are known to the next comparison only.
      this.#scanReason ??= 'interrupted';
      throw error;
    }
  }

  async #prepareInto(batch: () => Batch, job: Job, signal: AbortSignal): Promise<void> {
    const prepared = job.kind === 'removed' ? undefined : await prepareFile(this.#options, job.path, signal);
    this.#options.logger.debug(`${job.path}: ${prepared === undefined ? 'removed' : 'indexed'} (${job.reason})`);
    if (prepared === undefined) batch().remove(job.path);
    else batch().add(prepared);
  }

  async #commit(batch: Batch, signal: AbortSignal, meanwhile: () => Promise<void>): Promise<void> {
    if (batch.files === 0) return;
    const { store, workspace, instant } = this.#options;
    const vectors = await embedMissing(store, instant, batch.texts, signal);
    await commitPatiently(
      store,
      { tree: workspace.root, put: batch.put, remove: batch.removed, vectors: vectors === undefined ? [] : [vectors] },
      signal,
      { ...this.#patience.hooks, meanwhile },
    );
    this.#patience.goOn();
    this.#message = undefined;
    if (this.#deep !== undefined && batch.chunks > 0) this.#deepPending = true;
    this.#work.filesChanged += batch.files;
    this.#work.embedded += vectors === undefined ? 0 : vectors.vectors.length / instant.embedder.model.dimension;
    this.#meter.committed(batch.files, batch.chunks, performance.now());
    await this.#refreshStats();
    this.#publish();
  }

  /** Files that are gone need not wait for room, they make it. */
  async #removeGone(pass: (path: string) => boolean): Promise<void> {
    const remove = this.#queue.takeRemoved(pass);
    if (remove.length === 0) return;
    await this.#options.store.commit({ tree: this.#options.workspace.root, put: [], remove, vectors: [] });
    this.#work.filesChanged += remove.length;
    this.#meter.committed(remove.length, 0, performance.now());
    await this.#refreshStats();
  }

  async #fillDeep(lane: Lane, signal: AbortSignal): Promise<void> {
    this.#setPhase('embedding');
    const finished = await fillLane(this.#options, lane, signal, {
      // Files that changed go first: a search must not wait for the transformer to see a saved file.
      interrupted: () => this.#queue.size > 0 || this.#scanReason !== undefined || this.#deep !== lane,
      ...this.#patience.hooks,
      onProgress: async (files, total, embedded) => {
        this.#patience.goOn();
        this.#work.embedded += embedded;
        await this.#refreshStats();
        this.#message = `deep vectors: ${String(files)} of ${String(total)} files`;
        this.#publish();
      },
    });
    this.#patience.goOn();
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
