/** The deep lane of one folder, and the change from one model to another. */
import { messageOf } from '../../../protocol/errors.ts';
import type { Coverage } from '../../../protocol/search.ts';
import type { Indexer } from '../indexing/indexer.ts';
import type { Lane } from '../indexing/lane.ts';
import type { Logger } from '../logging/logger.ts';
import type { ResolvedSettings } from '../settings/index.ts';
import type { StoreStats } from '../store/types.ts';
import type { DeepModel, DeepOutcome, Lanes } from './lanes.ts';

/** Models of the server, and which of them a folder uses. */
export interface FolderModels {
  lanes: Lanes;
  deepModel: DeepModel;
  /** The model that answers until the vectors of {@link deepModel} are complete. */
  previous: DeepModel | undefined;
  /** The vectors of {@link deepModel} are complete. */
  onComplete: () => Promise<void>;
}

export class DeepLane {
  readonly #models: FolderModels;
  readonly #settings: ResolvedSettings;
  readonly #indexer: Indexer;
  readonly #logger: Logger;
  #outcome: DeepOutcome = { note: 'not started' };
  /** Answers in place of the lane until that is complete. */
  #previous: Lane | undefined;
  /** It was complete since the folder was opened. */
  #completed = false;

  constructor(models: FolderModels, settings: ResolvedSettings, indexer: Indexer, logger: Logger) {
    this.#models = models;
    this.#settings = settings;
    this.#indexer = indexer;
    this.#logger = logger;
    indexer.onProgress(({ phase }) => {
      if (phase === 'ready') this.#switchWhenComplete();
    });
  }

  /** The lane that is filled, or why there is none. */
  get outcome(): DeepOutcome {
    return this.#outcome;
  }

  /** The lane that answers. */
  get answering(): Lane | undefined {
    return this.#previous ?? this.#outcome.lane;
  }

  /** Turns the lane on as the settings say; `forced` turns it on whatever they say. */
  async use(forced: boolean): Promise<DeepOutcome> {
    const { lanes, deepModel, previous } = this.#models;
    this.#outcome = await lanes.deep(deepModel, this.#settings, forced);
    if (previous !== undefined && !this.#completed) {
      this.#previous = (await lanes.deep(previous, this.#settings, forced)).lane;
    }
    this.#indexer.setDeepLane(this.#outcome.lane);
    return this.#outcome;
  }

  /** Share of the chunks with a vector: of the model that answers, and of the one that is to. */
  coverage(stats: StoreStats): Pick<Coverage, 'deep' | 'next'> {
    const share = (space: string): number =>
      stats.chunks === 0 ? 1 : Math.min(coveredIn(stats, space) / stats.chunks, 1);
    const { space } = this.#models.deepModel;
    if (this.#previous !== undefined) return { deep: share(this.#previous.space), next: share(space) };
    return this.#outcome.lane === undefined && coveredIn(stats, space) === 0 ? {} : { deep: share(space) };
  }

  /** Once every chunk has its vector of the wanted model, that one answers. */
  #switchWhenComplete(): void {
    if (this.#completed || this.#outcome.lane === undefined) return;
    const { deepModel, onComplete } = this.#models;
    this.#indexer
      .stats()
      .then(async (stats) => {
        if (this.#completed || stats.chunks === 0 || coveredIn(stats, deepModel.space) < stats.chunks) return;
        this.#completed = true;
        this.#previous = undefined;
        await onComplete();
      })
      .catch((error: unknown) => {
        this.#logger.error(
          `That the vectors of ${deepModel.info.id} are complete could not be kept: ${messageOf(error)}`,
        );
      });
  }
}

/** Chunks with a vector in a space. */
export function coveredIn(stats: StoreStats, space: string): number {
  return stats.spaces.find(({ name }) => name === space)?.covered ?? 0;
}
