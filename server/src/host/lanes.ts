/** The models of this process: one embedder per lane, shared by all folders. */
import { join } from 'node:path';
import { messageOf } from '../../../protocol/errors.ts';
import type { DeepMode } from '../../../protocol/settings.ts';
import type { Lane } from '../indexing/lane.ts';
import { deepModel, openDeepEmbedder, probeDeep } from '../inference/deep.ts';
import { openInstantEmbedder } from '../inference/instant.ts';
import type { Embedder, ModelInfo } from '../inference/types.ts';
import type { SpaceSpec } from '../store/types.ts';
import type { ProcessCommand } from '../processes/command.ts';

/** The deep lane, or the reason why there is none. */
export type DeepOutcome = { lane: Lane; note?: undefined } | { lane?: undefined; note: string };

const instantModelFolder = 'instant-v1';
const deepModelFolder = 'minilm-l6';

export class Lanes {
  readonly instant: Lane;
  readonly deepModel: ModelInfo = deepModel;
  readonly deepSpace = `deep:${deepModel.id}`;
  readonly #modelsDirectory: string;
  readonly #command: ProcessCommand;
  /** One outcome per mode: a probe takes seconds and its answer does not change. */
  readonly #deep = new Map<DeepMode, Promise<DeepOutcome>>();
  #deepEmbedder: Embedder | undefined;

  private constructor(instant: Embedder, modelsDirectory: string, command: ProcessCommand) {
    this.instant = { name: 'instant', embedder: instant, space: `instant:${instant.model.id}` };
    this.#modelsDirectory = modelsDirectory;
    this.#command = command;
  }

  /** @param command how the inference process is started. */
  static async open(modelsDirectory: string, command: ProcessCommand): Promise<Lanes> {
    return new Lanes(await openInstantEmbedder(join(modelsDirectory, instantModelFolder)), modelsDirectory, command);
  }

  get spaces(): SpaceSpec[] {
    return [
      { name: this.instant.space, dimension: this.instant.embedder.model.dimension },
      { name: this.deepSpace, dimension: this.deepModel.dimension },
    ];
  }

  deep(mode: DeepMode): Promise<DeepOutcome> {
    let outcome = this.#deep.get(mode);
    if (outcome === undefined) {
      outcome = this.#openDeep(mode).catch((error: unknown): DeepOutcome => ({ note: messageOf(error) }));
      this.#deep.set(mode, outcome);
    }
    return outcome;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#deep.values());
    await this.#deepEmbedder?.close();
    await this.instant.embedder.close();
  }

  async #openDeep(mode: DeepMode): Promise<DeepOutcome> {
    if (mode === 'off') return { note: 'turned off by the setting tiercel.deep' };
    const options = { modelDir: join(this.#modelsDirectory, deepModelFolder), command: this.#command };
    if (mode === 'auto') {
      const probe = await probeDeep(options);
      if (!probe.available) return { note: probe.reason };
    }
    const embedder = (this.#deepEmbedder ??= await openDeepEmbedder({ ...options, mode }));
    return { lane: { name: 'deep', embedder, space: this.deepSpace } };
  }
}
