/**
 * The background work of one folder: one loop compares the work tree with the store and sends what differs through the
 * {@link Pipeline}; beside it the {@link Fillers} bring the vectors that are missing all the same.
 */
import { setMaxListeners } from 'node:events';
import { cancelled, isCancelled, messageOf } from '../../../protocol/errors.ts';
import type { IndexPhase, IndexProgress } from '../../../protocol/status.ts';
import { hashBytes, type StoreStats, type VectorBatch, type VectorStore } from '../store/types.ts';
import type { FileChange } from '../workspace/types.ts';
import type { VectorFiller } from './filler.ts';
import { Fillers } from './fillers.ts';
import { allFiles } from './known-files.ts';
import type { Lane } from './lane.ts';
import { Patience } from './patience.ts';
import { Pipeline, type Done } from './pipeline.ts';
import type { PrepareDeps } from './prepare.ts';
import { Problems } from './problems.ts';
import { ProgressMeter } from './progress.ts';
import { JobQueue, type Job } from './queue.ts';
import { urgencyOf } from './relevance.ts';
import { scan } from './scan.ts';
import { Throttle } from './throttle.ts';
import { inTurn } from './turns.ts';
import { Waiters, type WorkDone } from './waiters.ts';

/**
 * Why nothing is done though there may be something to do. `paused`: nothing at all. `cancelled`: what is indexed is kept
 * up to date, what never was is left alone, and no vectors are filled in. `stopped`: until the next one who asks for work.
 */
export type Halt = 'paused' | 'cancelled' | 'stopped';

export interface IndexerOptions extends PrepareDeps {
  store: VectorStore;
  instant: Lane;
  /** Files read and cut at once. */
  concurrency: number;
  throttle?: Throttle;
  problems?: Problems;
  /** Paths of open editors, which go first. */
  open?: () => ReadonlySet<string>;
  halt?: Halt | undefined;
}

/** So many changes at once are somebody's saves; more come from a program and are put in order by relevance. */
const mostSaves = 20;
/** Outcomes that {@link Indexer.retry} tries again. */
const retryable: ReadonlySet<string> = new Set(['failed', 'unreadable', 'parser-failed']);

export class Indexer {
  readonly #options: IndexerOptions;
  readonly #throttle: Throttle;
  readonly #problems: Problems;
  readonly #open: () => ReadonlySet<string>;
  readonly #fillers: Fillers;
  readonly #pipeline: Pipeline;
  readonly #queue = new JobQueue();
  readonly #meter = new ProgressMeter();
  readonly #listeners = new Set<(progress: IndexProgress) => void>();
  readonly #closing = new AbortController();
  /** Ends the work under way on pause; a new one is made when it goes on. */
  #working = new AbortController();
  #loop: Promise<void> | undefined;
  #scanReason: string | undefined;
  #halt: Halt | undefined;
  /** What the loop is at. */
  #phase: 'ready' | 'scanning' | 'indexing' | 'failed' = 'ready';
  #error: string | undefined;
  readonly #patience: Patience;
  readonly #waiters = new Waiters(() => this.#waitingFor());
  #work: WorkDone = { filesChanged: 0, embedded: 0 };
  #embedded = 0;
  /** Files given up by {@link cancel}, or waiting for {@link resume}, as of the last comparison. */
  #leftAlone = 0;
  #counting: Promise<void> | undefined;
  /** As of the last commit. */
  #stats: StoreStats | undefined;

  constructor(options: IndexerOptions) {
    this.#options = options;
    this.#throttle = options.throttle ?? new Throttle();
    this.#problems = options.problems ?? new Problems();
    this.#open = options.open ?? (() => new Set());
    this.#halt = options.halt;
    this.#patience = new Patience(options.workspace.root, options.logger, () => {
      this.#publish();
    });
    this.#fillers = new Fillers(
      {
        ...options,
        throttle: this.#throttle,
        problems: this.#problems,
        open: this.#open,
        quiet: async () => {
          while (this.#loop !== undefined) await this.#loop;
        },
        onRecut: (paths) => {
          this.enqueue(
            paths.map((path) => ({ path, kind: 'changed' })),
            'cut differently than before',
          );
        },
        onChange: (embedded) => this.#filled(embedded),
      },
      options.instant,
    );
    this.#pipeline = new Pipeline({
      ...options,
      queue: this.#queue,
      throttle: this.#throttle,
      problems: this.#problems,
      patience: this.#patience,
      onDone: (done) => this.#done(done),
    });
    if (this.#halt !== undefined) this.#fillers.hold();
  }

  /** The last failure of the background work, until work succeeds again. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Why a lane stands still, while one does. */
  get laneTrouble(): string | undefined {
    return this.#fillers.trouble;
  }

  get deepLane(): Lane | undefined {
    return this.#fillers.deep.lane;
  }

  get halt(): Halt | undefined {
    return this.#halt;
  }

  /** Texts embedded since this indexer was made, all lanes. */
  get embedded(): number {
    return this.#embedded;
  }

  /** Files that are known to differ from what is indexed, whether or not anything is done about it. */
  get pendingFiles(): number {
    return this.#leftAlone + this.#underWay;
  }

  get #underWay(): number {
    if (this.#phase === 'ready' && this.#queue.size === 0) return 0;
    return Math.max(this.#meter.filesTotal - this.#meter.filesDone, this.#queue.size);
  }

  get progress(): IndexProgress {
    const now = performance.now();
    const phase = this.#phaseNow();
    const filler = phase === 'embedding' ? this.#fillers.working : undefined;
    const meter = filler?.meter ?? this.#meter;
    const waiting = phase === 'indexing' || phase === 'embedding' ? this.#waitingFor()?.why : undefined;
    const left = waiting === undefined ? meter.millisecondsLeft(now) : undefined;
    const message = waiting ?? (filler === undefined ? undefined : fillingOf(filler));
    return {
      folder: this.#options.workspace.root,
      phase,
      filesDone: meter.filesDone,
      filesTotal: meter.filesTotal,
      chunksDone: meter.chunksDone,
      chunksPerSecond: Math.round(meter.rate(now)),
      chunks: this.#stats?.chunks ?? 0,
      ...(left === undefined ? {} : { millisecondsLeft: left }),
      ...(message === undefined ? {} : { message }),
      ...(waiting === undefined ? {} : { waiting }),
    };
  }

  /**
   * Counts of the folder as of its last commit. A query must not make the store count every chunk and walk its files on
   * disk, and nobody else commits to this folder's tree.
   */
  async stats(): Promise<StoreStats> {
    return this.#stats ?? this.freshStats();
  }

  /** Counts of the folder as of now. {@link pendingFiles} is never less than what they lack. */
  async freshStats(): Promise<StoreStats> {
    const { store, workspace } = this.#options;
    const stats = await store.stats(workspace.root);
    // Two that were asked for at once may come back in either order.
    if (this.#stats === undefined || stats.generation >= this.#stats.generation) this.#stats = stats;
    return this.#stats;
  }

  /** @returns a function that takes the listener away. */
  onProgress(listener: (progress: IndexProgress) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Compare the whole work tree with the store and index the difference. */
  rescan(reason: string): void {
    this.#scanReason ??= reason;
    if (this.#halt === 'stopped') this.#goOn();
    if (this.#halt === 'paused') this.#counting ??= this.#count();
    this.#start();
  }

  enqueue(changes: readonly FileChange[], reason: string): void {
    this.#meter.begin(performance.now());
    // A fresh time stamp is no news here: these were all changed just now.
    const files = changes.map(({ path }) => ({ path, mtimeMs: 0 }));
    const urgency = changes.length > mostSaves ? urgencyOf(files, this.#open()) : undefined;
    for (const change of changes) {
      this.#add({
        ...change,
        reason,
        ...(change.kind === 'removed' || urgency === undefined
          ? {}
          : { urgency: urgency.get(change.path) ?? 'source' }),
      });
    }
    // Files that are gone make room, and none waits for the deep lane.
    const urgent = this.#phaseNow() === 'embedding' || changes.some(({ kind }) => kind === 'removed');
    if (urgent && this.#waitingFor() !== undefined) {
      this.#patience.retryNow();
      this.#fillers.retryNow();
    }
    this.#throttle.hurry();
    this.#start();
  }

  /** From now on the deep lane is filled whenever nothing else is to do; undefined turns it off. */
  setDeepLane(lane: Lane | undefined): void {
    this.#fillers.deep.use(lane);
    this.#publish();
  }

  /** Whether somebody waits for the work to complete. */
  get awaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** Tries files again that could not be read, parsed or embedded. @returns how many */
  async retry(): Promise<number> {
    const jobs: Job[] = [];
    const { store, workspace } = this.#options;
    for await (const { path, outcome } of allFiles(store, workspace.root, this.#closing.signal)) {
      if (retryable.has(outcome)) jobs.push({ path, kind: 'changed', reason: `${outcome} before, asked to retry` });
    }
    const unembedded = this.#problems.all.filter(({ reason }) => reason === 'not-embedded').length;
    this.#problems.clearReason('not-embedded');
    this.#meter.begin(performance.now());
    for (const job of jobs) this.#add(job);
    this.#fillers.retry(unembedded > 0);
    this.#start();
    return jobs.length + unembedded;
  }

  /** Ends the work under way because nobody wants it any more. The next {@link rescan} finds what is left to do. */
  stop(): void {
    if (this.#halt === undefined) this.#stopAs('stopped');
  }

  pause(): void {
    this.#stopAs('paused');
  }

  /** Gives up what is left of the work; what is indexed is kept, and kept up to date. Those who wait get `Cancelled`. */
  cancel(): void {
    this.#leftAlone = this.pendingFiles;
    this.#queue.clear();
    this.#meter.restart(0, performance.now());
    this.#stopAs('cancelled');
    this.#waiters.fail(cancelled());
  }

  resume(): void {
    if (this.#halt === undefined) return;
    this.#goOn();
    // What was under way is found again by comparing, whether it was read, cut or half embedded.
    this.rescan('resumed');
  }

  /**
   * Stores vectors that a query had computed, behind what the deep lane is filling just now. Rejects as
   * {@link VectorStore.commit} does.
   */
  async keep(batch: VectorBatch): Promise<void> {
    const { store, workspace } = this.#options;
    await inTurn(store, batch.space, () =>
      store.commit({ tree: workspace.root, put: [], remove: [], vectors: [batch] }),
    );
    this.#embedded += batch.keys.length / hashBytes;
    await this.freshStats();
  }

  /** What the store may take has changed: a commit that waits is tried at once. */
  budgetChanged(): void {
    this.#patience.budgetChanged();
    this.#fillers.budgetChanged();
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
    await Promise.all([this.#loop, this.#counting, this.#fillers.close()]);
    this.#listeners.clear();
  }

  #stopAs(halt: Halt): void {
    this.#halt = halt;
    this.#fillers.hold();
    this.#working.abort();
    this.#publish();
  }

  #goOn(): void {
    this.#halt = undefined;
    this.#fillers.release();
  }

  #phaseNow(): IndexPhase {
    if (this.#halt === 'paused' || this.#halt === 'stopped') return 'paused';
    if (this.#phase !== 'ready') return this.#phase;
    if (this.#halt === 'cancelled') return 'cancelled';
    return this.#fillers.working === undefined ? 'ready' : 'embedding';
  }

  #waitingFor() {
    return this.#patience.waiting ?? this.#fillers.waiting;
  }

  #add(job: Job): void {
    const before = this.#queue.size;
    this.#queue.add(job);
    this.#meter.filesTotal += this.#queue.size - before;
  }

  #start(): void {
    const halted = this.#halt === 'paused' || this.#halt === 'stopped';
    if (this.#loop !== undefined || halted || this.#closing.signal.aborted) return;
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
        if (this.#phase === 'failed') return;
        if (this.#scanReason !== undefined || this.#queue.size > 0) this.#start();
        else this.#settle();
      });
  }

  async #run(signal: AbortSignal): Promise<void> {
    do {
      if (this.#scanReason !== undefined) await this.#scan(signal);
      if (this.#queue.size > 0) await this.#drain(signal);
    } while (this.#scanReason !== undefined || this.#queue.size > 0);
    this.#fillInstant(await this.freshStats());
    this.#error = undefined;
    this.#phase = 'ready';
  }

  /** Files that did not change have no vectors of a model that is new. */
  #fillInstant({ chunks, spaces }: StoreStats): void {
    const { space } = this.#options.instant;
    const covered = spaces.find(({ name }) => name === space)?.covered ?? 0;
    if (covered < chunks && !this.#fillers.instant.pending) this.#fillers.instant.added();
  }

  /** Tells those who wait what is complete, and everybody how things stand. */
  #settle(): void {
    if (this.#loop !== undefined || this.#phase !== 'ready') return;
    const { instant, deep } = this.#fillers;
    if (instant.trouble !== undefined) this.#waiters.fail(instant.trouble);
    if (deep.trouble !== undefined) this.#waiters.failDeep(deep.trouble);
    if (!instant.pending) {
      this.#waiters.done({ ...this.#work }, !deep.pending);
      if (!deep.pending) this.#work = { filesChanged: 0, embedded: 0 };
    }
    this.#publish();
  }

  async #filled(embedded: number): Promise<void> {
    this.#countEmbedded(embedded);
    if (embedded > 0) await this.freshStats();
    this.#settle();
    if (this.#phaseNow() === 'embedding') this.#publish();
  }

  async #scan(signal: AbortSignal): Promise<void> {
    const { store, workspace, logger } = this.#options;
    const reason = this.#scanReason ?? '';
    this.#scanReason = undefined;
    this.#setPhase('scanning');
    try {
      const options = { open: this.#open(), knownOnly: this.#halt === 'cancelled' };
      const { jobs, total, leftAlone } = await scan(store, workspace, options, signal);
      logger.info(`${workspace.root}: ${String(jobs.length)} of ${String(total)} files to index (${reason})`);
      this.#leftAlone = leftAlone;
      this.#meter.begin(performance.now());
      for (const job of jobs) this.#add(job);
    } catch (error) {
      // The comparison is still owed.
      this.#scanReason ??= reason;
      throw error;
    }
  }

  /** While paused nothing is done, but how much there is to do is said all the same. Never rejects. */
  async #count(): Promise<void> {
    const { store, workspace, logger } = this.#options;
    try {
      const { jobs } = await scan(store, workspace, { open: this.#open(), knownOnly: false }, this.#closing.signal);
      if (this.#halt === 'paused') this.#leftAlone = Math.max(0, jobs.length - this.#underWay);
      this.#publish();
    } catch (error) {
      if (!isCancelled(error)) logger.warn(`${workspace.root} cannot be compared: ${messageOf(error)}`);
    } finally {
      this.#counting = undefined;
    }
  }

  async #drain(signal: AbortSignal): Promise<void> {
    this.#setPhase('indexing');
    try {
      await this.#pipeline.drain(signal);
    } catch (error) {
      this.#scanReason ??= 'interrupted';
      throw error;
    }
  }

  async #done({ files, changed, chunks, embedded }: Done): Promise<void> {
    if (chunks > 0) this.#fillers.deep.added();
    this.#work.filesChanged += changed;
    this.#countEmbedded(embedded);
    // Files leave what is pending once the counts have them: in between they would be missed by nobody.
    if (changed > 0) await this.freshStats();
    this.#meter.committed(files, chunks, performance.now());
    this.#publish();
  }

  #countEmbedded(texts: number): void {
    this.#work.embedded += texts;
    this.#embedded += texts;
  }

  #setPhase(phase: 'scanning' | 'indexing' | 'failed'): void {
    this.#phase = phase;
    this.#publish();
  }

  #publish(): void {
    const progress = this.progress;
    for (const listener of this.#listeners) listener(progress);
  }
}

function fillingOf({ lane, meter }: VectorFiller): string {
  const { filesDone, filesTotal } = meter;
  const how = filesTotal === 0 ? 'looking for what is missing' : `${String(filesDone)} of ${String(filesTotal)} files`;
  return `${lane?.name ?? ''} vectors: ${how}`;
}
