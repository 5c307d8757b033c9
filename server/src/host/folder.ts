/** One indexed folder: its work tree, its store, its background work, and the answers about it. */
import { relative, resolve, sep } from 'node:path';
import {
  defaultCloneGroups,
  defaultCloneLines,
  defaultCloneSimilarity,
  type ClonesParams,
  type ClonesResult,
} from '../../../protocol/clones.ts';
import { TiercelError, errorCodes, isCancelled, messageOf } from '../../../protocol/errors.ts';
import {
  defaultPatienceMs,
  type Coverage,
  type SearchParams,
  type SearchResult,
  type SimilarParams,
  type SimilarResult,
} from '../../../protocol/search.ts';
import type {
  FilesParams,
  FilesResult,
  FolderStatus,
  IndexParams,
  IndexProgress,
  IndexResult,
  RetryResult,
  SpaceStatus,
} from '../../../protocol/status.ts';
import type { Chunker } from '../chunking/types.ts';
import { Indexer } from '../indexing/indexer.ts';
import { Problems } from '../indexing/problems.ts';
import type { Logger } from '../logging/logger.ts';
import { findClones } from '../retrieval/clones/find-clones.ts';
import type { PieceSource } from '../retrieval/clones/pieces.ts';
import { RecentChanges } from '../retrieval/recency.ts';
import type { ResolvedSettings } from '../settings/index.ts';
import type { SpaceStats, StoreStats, RankedStore } from '../store/types.ts';
import type { Documents } from '../workspace/documents.ts';
import type { FileChange, Touch, Workspace } from '../workspace/types.ts';
import type { Background } from './background.ts';
import { collectNotes, indexedFiles } from './contents.ts';
import { coveredIn, DeepLane, type FolderModels } from './deep-lane.ts';
import { Edits } from './edits.ts';
import { answerSearch, answerSimilar, type AnswerDeps } from './answers.ts';
import type { EngineControl } from './engine.ts';
import type { FolderMemory } from './folder-memory.ts';
import { laneStatuses } from './lane-status.ts';
import type { Rerankers } from './rerankers.ts';

export interface FolderDeps {
  workspace: Workspace;
  store: RankedStore;
  indexPath: string;
  chunker: Chunker;
  models: FolderModels;
  rerankers: Rerankers;
  engine: EngineControl;
  background: Background;
  /** What editors have open; the workspace reads through it. */
  documents: Documents;
  memory: FolderMemory;
  logger: Logger;
  settings: ResolvedSettings;
}

export class Folder {
  readonly #deps: FolderDeps;
  readonly #indexer: Indexer;
  readonly #problems: Problems;
  readonly #deep: DeepLane;
  readonly #edits: Edits;
  readonly #recent = new RecentChanges();
  #watching: Promise<void> | undefined;
  #watchNote: string | undefined;

  constructor(deps: FolderDeps) {
    this.#deps = deps;
    const { memory, documents, background } = deps;
    this.#problems = new Problems(memory.value.problems, () => {
      void memory.set({ problems: this.#problems.all });
    });
    this.#indexer = new Indexer({
      workspace: deps.workspace,
      store: deps.store,
      chunker: deps.chunker,
      logger: deps.logger,
      instant: deps.models.lanes.instant,
      // At full load there is one process more; none of them waits for a file.
      concurrency: (deps.settings.parseProcesses + 1) * 4,
      throttle: background.throttle,
      problems: this.#problems,
      open: () => documents.paths,
      halt: memory.value.halt,
    });
    const { workspace, models, settings, logger } = deps;
    const { chunker } = deps;
    this.#deep = new DeepLane({
      models,
      settings,
      indexer: this.#indexer,
      throttle: background.throttle,
      workspace,
      chunker,
      logger,
    });
    this.#edits = new Edits({
      workspace,
      documents,
      logger,
      ready: () => this.#watching?.catch(() => undefined) ?? Promise.resolve(),
      enqueue: (changes, reason) => {
        this.#changed(changes, reason);
      },
    });
  }

  get root(): string {
    return this.#deps.workspace.root;
  }

  /** True while the background work stands still because of an error. */
  get failed(): boolean {
    return this.#indexer.error !== undefined;
  }

  onProgress(listener: (progress: IndexProgress) => void): () => void {
    return this.#indexer.onProgress(listener);
  }

  /** Follows the work tree from now on: watches it, indexes what differs, fills the deep lane. Idempotent. */
  follow(): Promise<void> {
    this.#watching ??= this.#watch();
    return this.#watching;
  }

  async #watch(): Promise<void> {
    const { workspace, logger } = this.#deps;
    this.#indexer.rescan('opened');
    // The watch begins while the first files are indexed already; what changed since they were listed is reported then.
    try {
      await workspace.watch({
        onChange: (changes, reason) => {
          this.#changed(changes, reason);
        },
        onRescan: (reason) => {
          this.#indexer.rescan(reason);
        },
        onProblem: (message) => {
          this.#watchNote = message;
          logger.warn(`${this.root}: ${message}`);
        },
      });
    } catch (error) {
      // A folder that cannot be watched is indexed all the same.
      if (!isCancelled(error)) this.#watchNote = `The folder cannot be watched: ${messageOf(error)}.`;
      throw error;
    } finally {
      this.#deep.follow().catch((error: unknown) => {
        logger.error(`${this.root}: the deep lane could not start`, error);
      });
    }
  }

  #changed(changes: FileChange[], reason: string): void {
    this.#recent.note(changes.map(({ path }) => path));
    this.#indexer.enqueue(changes, reason);
  }

  /** An editor has this text for the file, or none any more: see {@link Edits.edited}. */
  edited(client: object, path: string, text: string | undefined, saved: boolean): Promise<void> {
    return this.#edits.edited(client, path, text, saved);
  }

  /** A client tells what happens in the folder from now on, or no longer does. */
  setTold(told: boolean): Promise<void> {
    return this.#deps.workspace.setTold(told);
  }

  tell(touches: readonly Touch[]): void {
    this.#deps.workspace.tell(touches);
  }

  /** The engine may take another amount than before. */
  budgetChanged(): void {
    this.#indexer.budgetChanged();
  }

  /** Nothing is done until {@link resume}, not even by another server. Resolves when that is kept. */
  async pause(): Promise<void> {
    this.#indexer.pause();
    await this.#deps.memory.set({ halt: 'paused' });
  }

  async resume(): Promise<void> {
    this.#indexer.resume();
    await this.#deps.memory.set({ halt: undefined });
  }

  /** Gives up what is left to do; what is indexed is kept, and kept up to date. Resolves when that is kept. */
  async cancel(): Promise<void> {
    this.#indexer.cancel();
    await this.#deps.memory.set({ halt: 'cancelled' });
  }

  async retry(): Promise<RetryResult> {
    this.#deps.chunker.forgetFailures?.();
    return { files: await this.#indexer.retry() };
  }

  files(params: FilesParams): Promise<FilesResult> {
    const { store, models } = this.#deps;
    const { filled: lane } = this.#deep;
    const lanes = lane === undefined ? [models.lanes.instant] : [models.lanes.instant, lane];
    return indexedFiles(store, this.root, lanes, params);
  }

  async index(params: IndexParams, signal: AbortSignal): Promise<IndexResult> {
    const start = performance.now();
    if (this.#indexer.halt !== undefined) await this.resume();
    if (params.deep === true) {
      const deep = await this.#deep.force();
      if (deep.lane === undefined) throw new TiercelError(errorCodes.installWhatIsMissing, deep.note);
    }
    this.#indexer.rescan('asked to index');
    try {
      const work = await this.#indexer.whenComplete(params.deep === true, signal, params.patienceMs);
      const stats = await this.#indexer.freshStats();
      return {
        files: stats.files,
        chunks: stats.chunks,
        ...work,
        milliseconds: Math.round(performance.now() - start),
        coverage: this.#coverage(stats),
      };
    } finally {
      // Nobody follows this folder and nobody else waits: the work was for this caller alone.
      if (signal.aborted && this.#watching === undefined && !this.#indexer.awaited) this.#indexer.stop();
    }
  }

  async search(params: SearchParams, signal: AbortSignal): Promise<SearchResult> {
    const stats = await this.#indexedStats();
    const reach = this.#reach(stats);
    const answer = await answerSearch(await this.#answering(stats, params), params, signal);
    return { ...answer, coverage: { ...reach, ...this.#deep.coverage(stats) } };
  }

  async similar(params: SimilarParams, signal: AbortSignal): Promise<SimilarResult> {
    const stats = await this.#indexedStats();
    const reach = this.#reach(stats);
    const path = this.#relative(resolve(this.root, params.path));
    if (path === undefined) {
      throw new TiercelError(errorCodes.fixTheCall, `${params.path} is not inside ${this.root}.`);
    }
    const answer = await answerSimilar(await this.#answering(stats, params), path, params, signal);
    return { ...answer, coverage: { ...reach, ...this.#deep.coverage(stats) } };
  }

  /** @param onProgress gets the share that is done, 0 to 1 */
  async clones(params: ClonesParams, signal: AbortSignal, onProgress: (share: number) => void): Promise<ClonesResult> {
    await this.#indexedStats();
    const { store, workspace } = this.#deps;
    const {
      minLines = defaultCloneLines,
      similarity = defaultCloneSimilarity,
      languages,
      limit = defaultCloneGroups,
    } = params;
    const source: PieceSource = { store, tree: this.root, read: (...range) => workspace.lines(...range) };
    return findClones(source, { minLines, similarity, languages, limit }, signal, onProgress);
  }

  async status(): Promise<FolderStatus> {
    const { store, models, engine, background, indexPath } = this.#deps;
    const { lanes, deepModel } = models;
    const stats = await this.#indexer.freshStats();
    const progress = this.#indexer.progress;
    const error = this.#indexer.error ?? this.#indexer.laneTrouble ?? this.#watchNote;
    return {
      folder: this.root,
      phase: progress.phase,
      files: stats.files,
      chunks: stats.chunks,
      vectors: stats.spaces.reduce((sum, space) => sum + space.vectors, 0),
      bytesOnDisk: stats.bytesOnDisk,
      bytesInMemory: stats.bytesInMemory,
      model: lanes.instant.embedder.model.id,
      device: lanes.instant.embedder.device,
      coverage: this.#coverage(stats),
      lanes: laneStatuses(lanes.instant, deepModel, this.#deep.outcome, (space) => statsOf(stats, space).vectors),
      notes: await collectNotes(store, this.root, stats, this.#problems.all),
      languages: stats.languages,
      memory: engine.memory,
      gpu: engine.gpu,
      disk: { used: stats.bytesOnDisk, budget: engine.diskBudget },
      spaces: stats.spaces.map(spaceStatus),
      background: background.status,
      embedded: this.#indexer.embedded,
      ...(progress.phase === 'ready' ? {} : { progress }),
      ...(error === undefined ? {} : { error }),
      indexPath,
    };
  }

  async close(): Promise<void> {
    await this.#deps.workspace.close();
    await this.#deep.close();
    await this.#indexer.close();
    await this.#edits.settled();
    await this.#deps.memory.settled();
  }

  /** @throws TiercelError `IndexFirst` when nothing is known of this folder and nothing is under way. */
  async #indexedStats(): Promise<StoreStats> {
    const stats = await this.#indexer.stats();
    if (stats.knownFiles === 0 && this.#watching === undefined) throw notIndexed(this.root);
    return stats;
  }

  async #answering(
    stats: StoreStats,
    {
      patienceMs = defaultPatienceMs,
      onDemandMs,
      lanes: named,
    }: Pick<SearchParams, 'patienceMs' | 'onDemandMs' | 'lanes'>,
  ): Promise<AnswerDeps> {
    const { store, models, workspace, rerankers, settings } = this.#deps;
    const { instant } = models.lanes;
    const search = { patienceMs, onDemandMs, named: named?.includes('deep') ?? false };
    const deep = await this.#deep.asked(stats, search);
    const lanes = [
      ...(coveredIn(stats, instant.space) > 0 ? [instant] : []),
      ...(deep.lane === undefined ? [] : [deep.lane]),
    ];
    const absent = deep.absent === undefined ? [] : [deep.absent];
    const retrieval = { store, tree: this.root, lanes, absent, patienceMs };
    return { retrieval, workspace, rerankers, settings, recent: this.#recent.paths };
  }

  #coverage(stats: StoreStats): Coverage {
    return { ...this.#reach(stats), ...this.#deep.coverage(stats) };
  }

  /**
   * How much of the folder the lanes without a model of choice know. What is pending goes with the counts of the same
   * moment: taken after an answer it would be less than the answer did without.
   */
  #reach(stats: StoreStats): Coverage {
    const { lanes } = this.#deps.models;
    const { phase } = this.#indexer.progress;
    const pending = this.#indexer.pendingFiles;
    const known = stats.knownFiles + pending;
    const share = (part: number, whole: number): number => (whole === 0 ? 1 : Math.min(part / whole, 1));
    return {
      // Before the first look at the folder nothing is known of it, not even that it is empty.
      lexical: known === 0 && phase === 'scanning' ? 0 : share(stats.knownFiles, known),
      instant: share(coveredIn(stats, lanes.instant.space), stats.chunks),
      ...(pending === 0 ? {} : { pendingFiles: pending }),
    };
  }

  #relative(absolute: string): string | undefined {
    const inside = relative(this.root, absolute);
    if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`)) return undefined;
    return inside.split(sep).join('/');
  }
}

export function notIndexed(root: string): TiercelError {
  return new TiercelError(errorCodes.indexFirst, `${root} is not indexed yet. Run: tiercel index ${root}`);
}

function statsOf(stats: StoreStats, space: string): { vectors: number; covered: number } {
  return stats.spaces.find(({ name }) => name === space) ?? { vectors: 0, covered: 0 };
}

function spaceStatus(space: SpaceStats): SpaceStatus {
  const { name, vectors, bytesInMemory, index = '', cells = 0, raw = 0, unreferenced = 0, bytesOnDisk = 0 } = space;
  const figures = { name, vectors, index, cells, raw, unreferenced, bytesOnDisk, bytesInMemory };
  return space.trouble === undefined ? figures : { ...figures, trouble: space.trouble };
}
