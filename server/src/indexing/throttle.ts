/** How much of the machine background work takes. */
import { setTimeout as delay } from 'node:timers/promises';

/** `low` for a machine on battery, or one that has other things to do; `full` when the index is what one waits for. */
export type Load = 'low' | 'normal' | 'full';

/** At `low`, work rests so many times as long as it took: a fifth of one core at most. */
const restShare: Record<Load, number> = { low: 4, normal: 0, full: 0 };
/** A rest is cut here: after a file that took long, the next need not wait minutes. */
const longestRestMs = 5000;
/** Texts embedded in one go: at `low` the device is given back often. */
const batchTexts: Record<Load, number> = { low: 16, normal: 512, full: 512 };

export class Throttle {
  #load: Load = 'normal';
  #busy = 0;
  readonly #waiting: (() => void)[] = [];
  #hurry = new AbortController();

  get load(): Load {
    return this.#load;
  }

  set load(load: Load) {
    if (load === this.#load) return;
    this.#load = load;
    this.hurry();
    this.#wake();
  }

  /** Texts to embed in one call. */
  get batch(): number {
    return batchTexts[this.#load];
  }

  /** Ends the rests under way: somebody waits. */
  hurry(): void {
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  /** Does one unit of work when its turn comes: one at a time at `low`, as many as are asked for otherwise. */
  async enter<T>(work: () => Promise<T>): Promise<T> {
    while (this.#load === 'low' && this.#busy > 0) {
      await new Promise<void>((done) => this.#waiting.push(done));
    }
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
      this.#wake();
    }
  }

  /** Does work, then rests as long as the load asks for. Throws what `work` throws, without a rest. */
  async paced<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const start = performance.now();
    const result = await work();
    const share = restShare[this.#load];
    if (share > 0 && !signal.aborted) {
      const rest = Math.min((performance.now() - start) * share, longestRestMs);
      await delay(rest, undefined, { signal: AbortSignal.any([signal, this.#hurry.signal]) }).catch(() => undefined);
    }
    return result;
  }

  #wake(): void {
    for (const done of this.#waiting.splice(0)) done();
  }
}
