/** One indexed folder: its work tree, its store, its background work, and the answers about it. */
import { relative, resolve, sep } from 'node:path';
import {
  defaultCloneGroups,
  defaultCloneLines,
  defaultCloneSimilarity,
  type ClonesParams,
  type ClonesResult,
} from '../../../protocol/clones.ts';
import { TiercelError, errorCodes } from '../../../protocol/errors.ts';
import {
  defaultPatienceMs,
  type Coverage,
  type SearchParams,
  type SearchResult,
  type SimilarParams,
  type SimilarResult,
} from '../../../protocol/search.ts';
import type { FolderStatus, IndexParams, IndexProgress, IndexResult, SpaceStatus } from '../../../protocol/status.ts';
import type { Chunker } from '../chunking/types.ts';
import { Indexer } from '../indexing/indexer.ts';
import type { Lane } from '../indexing/lane.ts';
import type { Logger } from '../logging/logger.ts';
import { findClones } from '../retrieval/clones/find-clones.ts';
import type { PieceSource } from '../retrieval/clones/pieces.ts';
import type { ResolvedSettings } from '../settings/index.ts';
import type { SpaceStats, StoreStats, RankedStore } from '../store/types.ts';
import type { Workspace } from '../workspace/types.ts';
import { answerSearch, answerSimilar, type AnswerDeps } from './answers.ts';
import type { EngineControl } from './engine.ts';
import { collectNotes } from './notes.ts';
import type { DeepModel, DeepOutcome, Lanes } from './lanes.ts';
import { laneStatuses } from './lane-status.ts';
import type { Rerankers } from './rerankers.ts';

/** Models of the server, and which of them this folder uses. */
export interface FolderModels {
  lanes: Lanes;
  deepModel: DeepModel;
  rerankers: Rerankers;
}

export interface FolderDeps {
  workspace: Workspace;
  store: RankedStore;
  indexPath: string;
  chunker: Chunker;
  models: FolderModels;
  engine: EngineControl;
  logger: Logger;
  settings: ResolvedSettings;
}

export class Folder {
  readonly #deps: FolderDeps;
  readonly #indexer: Indexer;
  #watching: Promise<void> | undefined;
  #deep: DeepOutcome = { note: 'not started' };
  #watchNote: string | undefined;

  constructor(deps: FolderDeps) {
    this.#deps = deps;
    this.#indexer = new Indexer({
      workspace: deps.workspace,
      store: deps.store,
      chunker: deps.chunker,
      logger: deps.logger,
      instant: deps.models.lanes.instant,
      concurrency: deps.settings.parseProcesses * 4,
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
    this.#indexer.announceScan();
    // Watching begins before the comparison, so that no change falls between the two.
    try {
      await workspace.watch({
        onChange: (changes) => {
          this.#indexer.enqueue(changes, 'changed on disk');
        },
        onRescan: (reason) => {
          this.#indexer.rescan(reason);
        },
        onProblem: (message) => {
          this.#watchNote = message;
          logger.warn(`${this.root}: ${message}`);
        },
      });
    } finally {
      // A folder that cannot be watched is indexed all the same.
      this.#indexer.rescan('opened');
    }
    this.useDeepLane(false).catch((error: unknown) => {
      logger.error(`${this.root}: the deep lane could not start`, error);
    });
  }

  /** Turns the deep lane on as the settings say; `forced` turns it on whatever they say. */
  async useDeepLane(forced: boolean): Promise<DeepOutcome> {
    const { models, settings } = this.#deps;
    this.#deep = await models.lanes.deep(models.deepModel, settings, forced);
    this.#indexer.setDeepLane(this.#deep.lane);
    return this.#deep;
  }

  /** The engine may take another amount than before. */
  retryNow(): void {
    this.#indexer.retryNow();
  }

  pause(): void {
    this.#indexer.pause();
  }

  resume(): void {
    this.#indexer.resume();
  }

  async index(params: IndexParams, signal: AbortSignal): Promise<IndexResult> {
    const start = performance.now();
    if (this.#indexer.paused) this.#indexer.resume();
    if (params.deep === true) {
      const deep = await this.useDeepLane(true);
      if (deep.lane === undefined) throw new TiercelError(errorCodes.installWhatIsMissing, deep.note);
    }
    this.#indexer.rescan('asked to index');
    try {
      const work = await this.#indexer.whenComplete(params.deep === true, signal, params.patienceMs);
      const stats = await this.#deps.store.stats(this.root);
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
    const answer = await answerSearch(this.#answering(stats, params), params, signal);
    return { ...answer, coverage: this.#coverage(stats) };
  }

  async similar(params: SimilarParams, signal: AbortSignal): Promise<SimilarResult> {
    const stats = await this.#indexedStats();
    const path = this.#relative(resolve(this.root, params.path));
    if (path === undefined) {
      throw new TiercelError(errorCodes.fixTheCall, `${params.path} is not inside ${this.root}.`);
    }
    const answer = await answerSimilar(this.#answering(stats, params), path, params, signal);
    return { ...answer, coverage: this.#coverage(stats) };
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
    const { store, models, engine, indexPath } = this.#deps;
    const { lanes, deepModel } = models;
    const stats = await store.stats(this.root);
    const progress = this.#indexer.progress;
    const error = this.#indexer.error ?? this.#watchNote;
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
      lanes: laneStatuses(lanes.instant, deepModel, this.#deep, (space) => statsOf(stats, space).vectors),
      notes: await collectNotes(store, this.root, stats),
      languages: stats.languages,
      memory: engine.memory,
      disk: { used: stats.bytesOnDisk, budget: engine.diskBudget },
      spaces: stats.spaces.map(spaceStatus),
      ...(progress.phase === 'ready' ? {} : { progress }),
      ...(error === undefined ? {} : { error }),
      indexPath,
    };
  }

  async close(): Promise<void> {
    await this.#deps.workspace.close();
    await this.#indexer.close();
  }

  /** @throws TiercelError `IndexFirst` when nothing is known of this folder and nothing is under way. */
  async #indexedStats(): Promise<StoreStats> {
    const stats = await this.#indexer.stats();
    if (stats.knownFiles === 0 && this.#watching === undefined) throw notIndexed(this.root);
    return stats;
  }

  #answering(stats: StoreStats, { patienceMs = defaultPatienceMs }: { patienceMs?: number | undefined }): AnswerDeps {
    const { store, models, workspace, settings } = this.#deps;
    const { instant } = models.lanes;
    const asked: Lane[] = this.#deep.lane === undefined ? [instant] : [instant, this.#deep.lane];
    const lanes = asked.filter(({ space }) => statsOf(stats, space).covered > 0);
    const retrieval = { store, tree: this.root, lanes, patienceMs };
    return { retrieval, workspace, rerankers: models.rerankers, settings };
  }

  #coverage(stats: StoreStats): Coverage {
    const { lanes, deepModel } = this.#deps.models;
    const { filesDone, filesTotal, phase } = this.#indexer.progress;
    const pending = phase === 'ready' ? 0 : Math.max(filesTotal - filesDone, 0);
    const known = stats.knownFiles + pending;
    const share = (part: number, whole: number): number => (whole === 0 ? 1 : Math.min(part / whole, 1));
    const deep = statsOf(stats, deepModel.space).covered;
    return {
      // Before the first look at the folder nothing is known of it, not even that it is empty.
      lexical: known === 0 && phase === 'scanning' ? 0 : share(stats.knownFiles, known),
      instant: share(statsOf(stats, lanes.instant.space).covered, stats.chunks),
      ...(this.#deep.lane === undefined && deep === 0 ? {} : { deep: share(deep, stats.chunks) }),
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
