/**
 * Fills a lane for chunks that are indexed but have no vector in its space yet (a slow model, another one than before, a
 * lane turned on late): beside the work on changed files, which never waits for it, most relevant files first.
 */
import { setMaxListeners } from 'node:events';
import { cancelled, isCancelled } from '../../../protocol/errors.ts';
import type { VectorStore } from '../store/types.ts';
import { Batch } from './batch.ts';
import { commitPatiently } from './commits.ts';
import { allFiles } from './known-files.ts';
import type { Lane } from './lane.ts';
import { Patience } from './patience.ts';
import { prepareFile, type PrepareDeps } from './prepare.ts';
import type { Problems } from './problems.ts';
import { ProgressMeter } from './progress.ts';
import { byRelevance, type Stamped } from './relevance.ts';
import type { Throttle } from './throttle.ts';
import { TolerantEmbedder } from './tolerant.ts';
import { inTurn } from './turns.ts';

const firstRetryMs = 30_000;
const longestRetryMs = 600_000;

export interface FillerOptions extends PrepareDeps {
  store: VectorStore;
  /** Files cut again at once. */
  concurrency: number;
  /** Files cut again before what they lack is embedded and committed, at most; large ones make a step shorter. */
  filesPerStep: number;
  throttle: Throttle;
  problems: Problems;
  /** Paths of open editors. */
  open: () => ReadonlySet<string>;
  /** Resolves when no changed file is being worked on: those go first. */
  quiet: () => Promise<void>;
  /** Files whose content gives other chunks than those indexed, as after a change of the rules by which they are cut. */
  onRecut: (paths: readonly string[]) => void;
  /** After each step, and when it begins, waits, ends or fails. */
  onChange: (embedded: number) => Promise<void>;
}

export class VectorFiller {
  readonly patience: Patience;
  readonly meter = new ProgressMeter();
  readonly #options: FillerOptions;
  readonly #embedder: TolerantEmbedder;
  readonly #closing = new AbortController();
  #working = new AbortController();
  #lane: Lane | undefined;
  #pending = false;
  #held = false;
  /** Files handed to {@link FillerOptions.onRecut}: once is enough, also where they are cut differently each time. */
  readonly #recut = new Set<string>();
  /** Chunks were added since the list of what is missing was made. */
  #stale = false;
  #loop: Promise<void> | undefined;
  #trouble: Error | undefined;
  #retryMs = firstRetryMs;
  #retryTimer: NodeJS.Timeout | undefined;

  /** @param lane filled when {@link added} says so; another one is set by {@link use} */
  constructor(options: FillerOptions, lane?: Lane) {
    this.#options = options;
    this.#lane = lane;
    this.#embedder = new TolerantEmbedder(options.store, options.throttle);
    this.patience = new Patience(options.workspace.root, options.logger, () => {
      void options.onChange(0);
    });
  }

  get lane(): Lane | undefined {
    return this.#lane;
  }

  /** Vectors may be missing. */
  get pending(): boolean {
    return this.#lane !== undefined && this.#pending && this.#trouble === undefined;
  }

  get working(): boolean {
    return this.#loop !== undefined && this.pending;
  }

  /** Resolves when the work under way ends, for whatever reason; undefined when none is. */
  get finished(): Promise<void> | undefined {
    return this.#loop;
  }

  /** Why the lane stands still: its model cannot run. It is tried again by itself, later and later. */
  get trouble(): Error | undefined {
    return this.#trouble;
  }

  use(lane: Lane | undefined): void {
    if (this.#lane !== lane) {
      this.#working.abort();
      this.#recut.clear();
    }
    this.#lane = lane;
    this.more();
  }

  /** Chunks were added: some may lack a vector. */
  added(): void {
    this.#stale = true;
    this.#pending = this.#lane !== undefined;
    this.#start();
  }

  /** Looks again for what is missing, also where the model could not run before. */
  more(): void {
    this.#trouble = undefined;
    clearTimeout(this.#retryTimer);
    this.added();
  }

  /** Stops the work under way until {@link release}. */
  hold(): void {
    this.#held = true;
    this.#working.abort();
  }

  release(): void {
    this.#held = false;
    this.#start();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#retryTimer);
    this.#working.abort();
    await this.#loop;
  }

  #start(): void {
    if (this.#loop !== undefined || this.#held || !this.pending || this.#closing.signal.aborted) return;
    this.#working = new AbortController();
    const { signal } = this.#working;
    setMaxListeners(0, signal);
    this.#loop = this.#run(signal)
      .catch((error: unknown) => {
        if (isCancelled(error) || signal.aborted) return;
        this.#fail(error);
      })
      .finally(() => {
        this.#loop = undefined;
        this.patience.goOn();
        this.#start();
        void this.#options.onChange(0);
      });
  }

  #fail(error: unknown): void {
    const { workspace, logger } = this.#options;
    this.#trouble = error instanceof Error ? error : new Error(String(error));
    logger.error(`${workspace.root}: vectors cannot be computed: ${this.#trouble.message}`, error);
    this.#retryTimer = setTimeout(() => {
      this.more();
    }, this.#retryMs).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (this.#pending && this.#lane !== undefined) {
      await this.#quiet(signal);
      this.#stale = false;
      // What is added meanwhile makes it stale, and the filling says so.
      this.#pending = !(await this.#fill(this.#lane, signal));
    }
    await this.#options.onChange(0);
  }

  async #quiet(signal: AbortSignal): Promise<void> {
    await this.#options.quiet();
    if (signal.aborted) throw cancelled();
  }

  /** @returns true when nothing is missing any more, false when the list of what is missing is out of date. */
  async #fill(lane: Lane, signal: AbortSignal): Promise<boolean> {
    const paths = await this.#missing(lane, signal);
    const { filesPerStep, throttle, onChange } = this.#options;
    const failed = new Set<string>();
    this.meter.restart(paths.length, performance.now());
    for (let start = 0; start < paths.length;) {
      await this.#quiet(signal);
      if (this.#stale) return false;
      const batch = new Batch();
      const taken = await this.#read(paths.slice(start, start + filesPerStep), batch, signal);
      const embedded = await throttle.enter(() => this.#embed(lane, batch, failed, signal));
      start += taken;
      this.meter.committed(taken, embedded, performance.now());
      await onChange(embedded);
    }
    await this.#handOver(lane, paths, failed);
    return !this.#stale;
  }

  /** Files that still lack vectors, though all their chunks have one, are not cut as they were when they were indexed. */
  async #handOver(lane: Lane, done: readonly string[], failed: ReadonlySet<string>): Promise<void> {
    const missing = new Set(await this.#missingPaths(lane));
    const recut = done.filter((path) => missing.has(path) && !failed.has(path) && !this.#recut.has(path));
    if (recut.length === 0) return;
    for (const path of recut) this.#recut.add(path);
    this.#options.onRecut(recut);
  }

  async #missingPaths({ space }: Lane): Promise<string[]> {
    const { store, workspace } = this.#options;
    const { paths } = await store.missing({ space, tree: workspace.root, limit: Number.MAX_SAFE_INTEGER });
    return paths;
  }

  /** Paths with chunks that lack a vector and may get one, most relevant first. */
  async #missing(lane: Lane, signal: AbortSignal): Promise<string[]> {
    const { store, workspace, problems, open, filesPerStep } = this.#options;
    // What the deep lane's model could not take is no matter for the instant lane.
    const gaveUp = (path: string): boolean => lane.name === 'deep' && problems.get(path)?.reason === 'not-embedded';
    const wanted = new Set((await this.#missingPaths(lane)).filter((path) => !gaveUp(path)));
    if (wanted.size <= filesPerStep) return [...wanted];
    const files: Stamped[] = [];
    for await (const file of allFiles(store, workspace.root, signal)) if (wanted.has(file.path)) files.push(file);
    return byRelevance(files, open());
  }

  /**
   * Reads and cuts files until they are worth a step.
   *
   * @returns how many of `paths` were taken
   */
  async #read(paths: readonly string[], batch: Batch, signal: AbortSignal): Promise<number> {
    const { throttle, concurrency } = this.#options;
    let taken = 0;
    const work = async (): Promise<void> => {
      for (let path = paths[taken]; path !== undefined && !batch.full; path = paths[taken]) {
        if (signal.aborted) throw cancelled();
        taken += 1;
        const prepare = prepareFile.bind(undefined, this.#options, path, signal);
        const prepared = await throttle.enter(() => throttle.paced(prepare, signal));
        if (prepared !== undefined) batch.add(prepared);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    return taken;
  }

  /** Embeds and commits what files lack. @param failed gets the files with texts that fail @returns how many texts */
  async #embed(lane: Lane, { put, texts }: Batch, failed: Set<string>, signal: AbortSignal): Promise<number> {
    const { store, workspace, problems } = this.#options;
    const pathOf = new Map(
      put.flatMap(({ path, chunks }) => chunks.map(({ key }) => [Buffer.from(key).toString('hex'), path])),
    );
    let embedded = 0;
    const failures = await inTurn(store, lane.space, async () => {
      const result = await this.#embedder.embed(lane, texts, signal);
      for (const batch of result.batches) {
        const commit = { tree: workspace.root, put: [], remove: [], vectors: [batch] };
        await commitPatiently(store, commit, signal, this.patience.hooks);
        this.patience.goOn();
        this.#retryMs = firstRetryMs;
        embedded += batch.vectors.length / lane.embedder.model.dimension;
      }
      return result.failed;
    });
    for (const [key, detail] of failures) {
      const path = pathOf.get(key) ?? '';
      failed.add(path);
      problems.set({ path, reason: 'not-embedded', detail });
    }
    return embedded;
  }
}
