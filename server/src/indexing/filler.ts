/**
 * Fills a lane for chunks that are indexed but have no vector in its space yet (a slow model, a lane turned on late):
 * beside the work on changed files, which never waits for it, most relevant files first.
 */
import { setMaxListeners } from 'node:events';
import { cancelled, isCancelled } from '../../../protocol/errors.ts';
import type { VectorStore } from '../store/types.ts';
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

/** Files cut again per step; their texts are what is in memory, and what a crash costs. */
const filesPerStep = 16;
const firstRetryMs = 30_000;
const longestRetryMs = 600_000;

export interface FillerOptions extends PrepareDeps {
  store: VectorStore;
  throttle: Throttle;
  problems: Problems;
  /** Paths of open editors. */
  open: () => ReadonlySet<string>;
  /** Resolves when no changed file is being worked on: those go first. */
  quiet: () => Promise<void>;
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
  /** Chunks were added since the list of what is missing was made. */
  #stale = false;
  #loop: Promise<void> | undefined;
  #trouble: Error | undefined;
  #retryMs = firstRetryMs;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: FillerOptions) {
    this.#options = options;
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

  /** Why the lane stands still: its model cannot run. It is tried again by itself, later and later. */
  get trouble(): Error | undefined {
    return this.#trouble;
  }

  use(lane: Lane | undefined): void {
    if (this.#lane !== lane) this.#working.abort();
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
    this.meter.restart(paths.length, performance.now());
    for (let start = 0; start < paths.length; start += filesPerStep) {
      await this.#quiet(signal);
      if (this.#stale) return false;
      const step = paths.slice(start, start + filesPerStep);
      const embedded = await this.#options.throttle.enter(() => this.#step(lane, step, signal));
      this.meter.committed(step.length, embedded, performance.now());
      await this.#options.onChange(embedded);
    }
    return !this.#stale;
  }

  /** Paths with chunks that lack a vector and may get one, most relevant first. */
  async #missing(lane: Lane, signal: AbortSignal): Promise<string[]> {
    const { store, workspace, problems, open } = this.#options;
    const { paths } = await store.missing({
      space: lane.space,
      tree: workspace.root,
      limit: Number.MAX_SAFE_INTEGER,
    });
    const wanted = new Set(paths.filter((path) => problems.get(path)?.reason !== 'not-embedded'));
    if (wanted.size <= filesPerStep) return [...wanted];
    const files: Stamped[] = [];
    for await (const file of allFiles(store, workspace.root, signal)) if (wanted.has(file.path)) files.push(file);
    return byRelevance(files, open());
  }

  /**
   * Embeds what files lack. One whose content no longer gives the chunks that were indexed is left to the indexer: its
   * change is on the way.
   */
  async #step(lane: Lane, paths: readonly string[], signal: AbortSignal): Promise<number> {
    const { store, workspace, problems } = this.#options;
    const texts = new Map<string, string>();
    const pathOf = new Map<string, string>();
    for (const path of paths) {
      const prepared = await prepareFile(this.#options, path, signal);
      prepared?.file.chunks.forEach((chunk, i) => {
        const key = Buffer.from(chunk.key).toString('hex');
        texts.set(key, prepared.texts[i] ?? '');
        pathOf.set(key, path);
      });
    }
    let embedded = 0;
    const failed = await inTurn(store, lane.space, async () => {
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
    for (const [key, detail] of failed) {
      problems.set({ path: pathOf.get(key) ?? '', reason: 'not-embedded', detail });
    }
    return embedded;
  }
}
