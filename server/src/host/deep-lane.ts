/** The deep lane of one folder, and the change from one model to another. */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../../protocol/errors.ts';
import { defaultPatienceMs, type AbsentLane, type Coverage } from '../../../protocol/search.ts';
import type { Indexer } from '../indexing/indexer.ts';
import type { Lane } from '../indexing/lane.ts';
import { OnDemandVectors } from '../indexing/on-demand.ts';
import type { PrepareDeps } from '../indexing/prepare.ts';
import type { Throttle } from '../indexing/throttle.ts';
import type { SearchLane } from '../retrieval/ask-lane.ts';
import type { OnDemand } from '../retrieval/on-demand.ts';
import type { ResolvedSettings } from '../settings/index.ts';
import type { StoreStats } from '../store/types.ts';
import type { DeepModel, DeepOutcome, Lanes } from './lanes.ts';

/** Models of the server, and which of them a folder uses. */
export interface FolderModels {
  lanes: Lanes;
  deepModel: DeepModel;
  /** The model that answers until the vectors of {@link deepModel} are complete. */
  previous: DeepModel | undefined;
  /** The vectors of {@link deepModel} are complete: resolves when that is kept. */
  onComplete: () => Promise<void>;
}

export interface DeepLaneDeps extends PrepareDeps {
  models: FolderModels;
  settings: ResolvedSettings;
  indexer: Indexer;
  throttle: Throttle;
}

/** Candidates of a search that may be embedded for it: those that may come among the first hits. */
const onDemandCandidates = 30;

export interface DeepSearch {
  /** How long the search waits for the model. */
  patienceMs: number;
  /** Milliseconds for embedding candidates that have no vector; 0: none; absent: as the settings say. */
  onDemandMs?: number | undefined;
  /** The search names this lane: where it cannot be asked the answer says why, whatever the settings. */
  named: boolean;
}

/** How a search asks the lane, or why it does not although it is to. */
export interface AskedDeep {
  lane?: SearchLane;
  absent?: AbsentLane;
}

export class DeepLane {
  readonly #deps: DeepLaneDeps;
  #outcome: DeepOutcome = { note: 'not started' };
  #started: Promise<DeepOutcome> | undefined;
  #onDemand: OnDemandVectors | undefined;
  /** Answers in place of the lane until that is complete. */
  #previous: Lane | undefined;
  /** It was complete since the folder was opened. */
  #completed = false;
  /** Settled once what is known of that is kept. */
  #switched: Promise<void> = Promise.resolve();

  constructor(deps: DeepLaneDeps) {
    this.#deps = deps;
    deps.indexer.onProgress(({ phase }) => {
      if (phase === 'ready') void this.#switchWhenComplete();
    });
  }

  /** The lane, or why there is none. */
  get outcome(): DeepOutcome {
    return this.#outcome;
  }

  /** The lane whose vectors are to be complete, if there is one. */
  get filled(): Lane | undefined {
    return this.#outcome.lane !== undefined && this.#outcome.fills ? this.#outcome.lane : undefined;
  }

  /** Decides as the settings say, once, and fills the lane from now on if it is to be. */
  async follow(): Promise<void> {
    await this.#start();
    this.#deps.indexer.setDeepLane(this.filled);
  }

  /** Turns the lane on and fills it, whatever the settings say. */
  async force(): Promise<DeepOutcome> {
    this.#started = this.#use(true);
    const outcome = await this.#started;
    this.#deps.indexer.setDeepLane(this.filled);
    return outcome;
  }

  /** How a search asks the lane. A folder nobody follows is not filled by it. */
  async asked(stats: StoreStats, search: DeepSearch): Promise<AskedDeep> {
    const { models, settings } = this.#deps;
    const { patienceMs, onDemandMs: budgetMs = settings.inference.onDemandBudget, named } = search;
    const embeds = settings.deep === 'on-demand' || (search.onDemandMs ?? 0) > 0;
    const waits = patienceMs > defaultPatienceMs;
    if (settings.deep === 'on-demand' || named || coveredIn(stats, models.deepModel.space) > 0) {
      const started = this.#start();
      // Which device it is may take a self-test to find out.
      await (settings.deep === 'on-demand' ? started : Promise.race([started, delay(waits ? patienceMs : 0)]));
    }
    if (embeds && this.#outcome.lane === undefined) await this.#startOnDemand();
    const lane = this.#previous ?? this.#outcome.lane;
    if (lane === undefined) {
      const wanted = embeds || named || settings.deep === 'on';
      return wanted ? { absent: { lane: 'deep', reason: this.#outcome.note ?? '' } } : {};
    }
    const covered = coveredIn(stats, lane.space);
    const source = budgetMs > 0 && this.#previous === undefined && covered < stats.chunks ? this.#onDemand : undefined;
    // The few vectors that searches left would pass for the nearest of all.
    const sparse = this.filled === undefined && this.#previous === undefined && covered < stats.chunks;
    if (source === undefined) {
      if (covered > 0 && !sparse) return { lane };
      return named ? { absent: { lane: 'deep', reason: 'this folder is not embedded for it' } } : {};
    }
    const onDemand: OnDemand = {
      budgetMs,
      candidates: onDemandCandidates,
      vectorsOf: (chunks, ms, signal) => source.vectorsOf(chunks, ms, signal),
    };
    if (this.filled !== undefined) return { lane: { ...lane, onDemand } };
    // Nothing but a better order is gained: who has not said that he waits does not wait for the model.
    return { lane: { ...lane, onDemand, patienceMs: waits ? patienceMs : 0, limitMs: budgetMs } };
  }

  #start(): Promise<DeepOutcome> {
    this.#started ??= this.#use(false);
    return this.#started;
  }

  /** For searches that ask for it where the settings have no lane. */
  async #startOnDemand(): Promise<void> {
    const { models, settings } = this.#deps;
    this.#started = models.lanes.deep(models.deepModel, { ...settings, deep: 'on-demand' }, false);
    await this.#take(await this.#started);
  }

  async #use(forced: boolean): Promise<DeepOutcome> {
    const { models, settings } = this.#deps;
    const { lanes, deepModel, previous } = models;
    const outcome = await lanes.deep(deepModel, settings, forced);
    const fills = outcome.lane === undefined || outcome.fills;
    if (previous !== undefined && fills && !this.#completed) {
      this.#previous = (await lanes.deep(previous, settings, forced)).lane;
    }
    await this.#take(outcome);
    return outcome;
  }

  async #take(outcome: DeepOutcome): Promise<void> {
    const { indexer, throttle, workspace, chunker, logger } = this.#deps;
    const before = this.#onDemand;
    const { lane } = outcome;
    this.#outcome = outcome;
    this.#onDemand =
      lane === undefined
        ? undefined
        : new OnDemandVectors({
            ...{ lane, workspace, chunker, logger },
            // Where all chunks are embedded their turn comes by itself.
            goOn: () => !outcome.fills && throttle.load !== 'low' && indexer.halt === undefined,
            keep: (batch) => indexer.keep(batch),
          });
    await before?.close();
  }

  /** Share of the chunks with a vector: of the model that answers, and of the one that is to. */
  coverage(stats: StoreStats): Pick<Coverage, 'deep' | 'next' | 'onDemand'> {
    const share = (space: string): number =>
      stats.chunks === 0 ? 1 : Math.min(coveredIn(stats, space) / stats.chunks, 1);
    const { space } = this.#deps.models.deepModel;
    const outcome = this.#outcome;
    if (outcome.lane !== undefined && !outcome.fills && this.#previous === undefined && share(space) < 1)
      return { onDemand: share(space) };
    if (this.#previous !== undefined) return { deep: share(this.#previous.space), next: share(space) };
    return outcome.lane === undefined && coveredIn(stats, space) === 0 ? {} : { deep: share(space) };
  }

  /** What searches had computed is stored, and that the vectors are complete is kept: a next model finds them. */
  async close(): Promise<void> {
    await this.#started?.catch(() => undefined);
    await this.#onDemand?.close();
    await this.#switchWhenComplete();
  }

  /** Once every chunk has its vector of the wanted model, that one answers. */
  #switchWhenComplete(): Promise<void> {
    this.#switched = this.#switched.then(() => this.#switch());
    return this.#switched;
  }

  async #switch(): Promise<void> {
    if (this.#completed || this.filled === undefined) return;
    const { models, indexer, logger } = this.#deps;
    const { deepModel, onComplete } = models;
    try {
      const stats = await indexer.stats();
      if (stats.chunks === 0 || coveredIn(stats, deepModel.space) < stats.chunks) return;
      // First: a server that is killed goes back to the model that is remembered, which answers as long as that fails.
      await onComplete();
      this.#completed = true;
      this.#previous = undefined;
    } catch (error) {
      logger.error(`That the vectors of ${deepModel.info.id} are complete could not be kept: ${messageOf(error)}`);
    }
  }
}

/** Chunks with a vector in a space. */
export function coveredIn(stats: StoreStats, space: string): number {
  return stats.spaces.find(({ name }) => name === space)?.covered ?? 0;
}
