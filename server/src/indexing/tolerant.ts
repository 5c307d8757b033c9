/** Embedding that survives texts no model can take: they are found by halving, and the others get their vectors. */
import { errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';
import type { VectorBatch, VectorStore } from '../store/types.ts';
import { embedMissing } from './batch.ts';
import type { Lane } from './lane.ts';
import type { Throttle } from './throttle.ts';

export interface Embedded {
  batches: VectorBatch[];
  /** Text key (hexadecimal) -> why it has no vector. */
  failed: Map<string, string>;
}

/** Single texts that fail in a row, with none that succeeds between: then it is not the texts. */
const mostInRow = 3;

export class TolerantEmbedder {
  readonly #store: VectorStore;
  readonly #throttle: Throttle;
  #inRow = 0;

  constructor(store: VectorStore, throttle: Throttle) {
    this.#store = store;
    this.#throttle = throttle;
  }

  /**
   * @param texts by key (hexadecimal)
   * @throws what is not a text's fault: a model that cannot be loaded, or one that takes no text any more; `Cancelled`
   */
  async embed(lane: Lane, texts: ReadonlyMap<string, string>, signal: AbortSignal): Promise<Embedded> {
    try {
      const batch = await embedMissing(this.#store, lane, texts, this.#throttle, signal);
      if (batch !== undefined) this.#inRow = 0;
      return { batches: batch === undefined ? [] : [batch], failed: new Map() };
    } catch (error) {
      if (!(error instanceof TiercelError) || error.code !== errorCodes.report || signal.aborted) throw error;
      const [only] = texts.keys();
      if (texts.size === 1 && only !== undefined) {
        this.#inRow += 1;
        if (this.#inRow >= mostInRow) throw error;
        return { batches: [], failed: new Map([[only, messageOf(error)]]) };
      }
      const all = [...texts];
      const half = Math.ceil(all.length / 2);
      const first = await this.embed(lane, new Map(all.slice(0, half)), signal);
      const second = await this.embed(lane, new Map(all.slice(half)), signal);
      return {
        batches: [...first.batches, ...second.batches],
        failed: new Map([...first.failed, ...second.failed]),
      };
    }
  }
}
