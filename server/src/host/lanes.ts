/** The models of this process: one embedder per lane and choice of settings, shared by all folders. */
import { join } from 'node:path';
import { errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';
import type { Settings } from '../../../protocol/settings.ts';
import type { Lane } from '../indexing/lane.ts';
import { BatchLimits } from '../inference/batch-limits.ts';
import { openDeepEmbedder, openOnDemandEmbedder, type DeepEmbedder } from '../inference/deep.ts';
import { openInstantEmbedder } from '../inference/instant.ts';
import type { ModelCatalog, ResolvedModel } from '../inference/models/catalog.ts';
import type { Embedder, ModelInfo } from '../inference/types.ts';
import type { Logger } from '../logging/logger.ts';
import type { ProcessCommand } from '../processes/command.ts';
import type { SpaceSpec } from '../store/types.ts';

/** The deep lane, or the reason why there is none. */
export type DeepOutcome =
  | {
      lane: Lane & { embedder: DeepEmbedder };
      /** Whether every chunk is to have a vector; otherwise only candidates of queries get one. */
      fills: boolean;
      note?: undefined;
    }
  | { lane?: undefined; note: string };

/** The deep lane's model by the settings of a folder, whether or not it runs. */
export interface DeepModel {
  info: ModelInfo;
  /** Of this model alone: vectors of different models never meet. */
  space: string;
  /** Absent when the model cannot be opened; `note` says why. */
  resolved: ResolvedModel | undefined;
  note: string | undefined;
}

export type DeepSettings = Pick<Settings, 'deep' | 'inference' | 'gpu'>;

export interface LanesOptions {
  /** Folder of the package's models. */
  modelsDirectory: string;
  catalog: ModelCatalog;
  /** How the inference process is started. */
  command: ProcessCommand;
  /** File that remembers which batches were too large. */
  limitsFile: string;
  logger: Logger;
}

const instantModelFolder = 'instant-v2';

export class Lanes {
  readonly instant: Lane;
  readonly #options: LanesOptions;
  readonly #limits: BatchLimits;
  /** One outcome per choice: a self-test takes seconds and its answer does not change. */
  readonly #deep = new Map<string, Promise<DeepOutcome>>();
  /** By model and provider asked for: `auto` and `on` share one where they can. */
  readonly #embedders = new Map<string, DeepEmbedder>();

  private constructor(instant: Embedder, options: LanesOptions) {
    this.instant = { name: 'instant', embedder: instant, space: `instant:${instant.model.id}` };
    this.#options = options;
    this.#limits = new BatchLimits(options.limitsFile, (error) => {
      options.logger.warn(`Batch sizes could not be kept: ${messageOf(error)}`);
    });
  }

  static async open(options: LanesOptions): Promise<Lanes> {
    return new Lanes(await openInstantEmbedder(join(options.modelsDirectory, instantModelFolder)), options);
  }

  /** The model that the settings name. Never throws: a folder without it is searched by the other lanes. */
  async deepModel({ inference }: DeepSettings): Promise<DeepModel> {
    const id = inference.model;
    try {
      const resolved = await this.#options.catalog.resolve(id);
      if (resolved.entry.kind !== 'embedding') {
        throw new TiercelError(errorCodes.fixTheCall, `${id} is a reranker and gives no vectors.`);
      }
      return { info: resolved.info, space: `deep:${resolved.info.id}`, resolved, note: undefined };
    } catch (error) {
      const info = { id, dimension: 0, licence: '' };
      return { info, space: `deep:${id}`, resolved: undefined, note: messageOf(error) };
    }
  }

  /** Spaces of a store whose folder uses these models. */
  spaces(models: readonly DeepModel[]): SpaceSpec[] {
    const instant = { name: this.instant.space, dimension: this.instant.embedder.model.dimension };
    const deep = models.flatMap(({ space, resolved }) =>
      resolved === undefined ? [] : [{ name: space, dimension: resolved.info.dimension }],
    );
    return [instant, ...deep];
  }

  /** @param forced turns the lane on whatever the settings say */
  deep(model: DeepModel, settings: DeepSettings, forced: boolean): Promise<DeepOutcome> {
    const mode = forced ? 'on' : settings.deep;
    if (model.resolved === undefined) return Promise.resolve({ note: model.note ?? '' });
    if (mode === 'off') return Promise.resolve({ note: 'turned off by the setting tiercel.deep' });
    const { resolved, space } = model;
    if (mode === 'on-demand') {
      const why = 'Only candidates of searches are embedded, as tiercel.deep says.';
      return Promise.resolve(this.#onDemand(resolved, space, why));
    }
    const key = `${mode} ${embedderKey(resolved, settings)}`;
    let outcome = this.#deep.get(key);
    if (outcome === undefined) {
      outcome = this.#embedder(resolved, settings, mode).then(
        (embedder): DeepOutcome => ({ lane: { name: 'deep', embedder, space }, fills: true }),
        (error: unknown): DeepOutcome => ({ note: messageOf(error) }),
      );
      this.#deep.set(key, outcome);
    }
    return outcome;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#deep.values());
    await Promise.all([...this.#embedders.values()].map((embedder) => embedder.close()));
    await this.#limits.settled();
    await this.instant.embedder.close();
  }

  /** One embedder for all folders, whatever their provider: it runs on the CPU. */
  #onDemand(model: ResolvedModel, space: string, why: string): DeepOutcome {
    const key = JSON.stringify(['on-demand', model.info.id]);
    const { command } = this.#options;
    const embedder = this.#embedders.get(key) ?? openOnDemandEmbedder({ model, command, limits: this.#limits }, why);
    this.#embedders.set(key, embedder);
    return { lane: { name: 'deep', embedder, space }, fills: false };
  }

  async #embedder(model: ResolvedModel, settings: DeepSettings, mode: 'auto' | 'on'): Promise<DeepEmbedder> {
    const key = embedderKey(model, settings);
    const shared = this.#embedders.get(key);
    if (shared !== undefined && (mode === 'on' || shared.device !== 'cpu')) return shared;
    const embedder = await openDeepEmbedder({
      model,
      command: this.#options.command,
      mode,
      provider: settings.inference.provider,
      yieldMs: settings.gpu.yield,
      limits: this.#limits,
    });
    // Another folder may have come to the same result meanwhile.
    const first = this.#embedders.get(key);
    if (first?.device === embedder.device) {
      await embedder.close();
      return first;
    }
    this.#embedders.set(key, embedder);
    this.#options.logger.info(`Deep lane: ${model.info.id} on ${embedder.device}. ${embedder.choice.why}`);
    return embedder;
  }
}

function embedderKey(model: ResolvedModel, { inference, gpu }: DeepSettings): string {
  return JSON.stringify([model.info.id, inference.provider, gpu.yield]);
}
