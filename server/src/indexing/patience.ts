/** A folder's patience with a store that takes nothing for now: why and since when it waits, and what ends the wait early. */
import { errorCodes, type TiercelError } from '../../../protocol/errors.ts';
import type { Logger } from '../logging/logger.ts';
import type { PatienceHooks } from './commits.ts';

export interface Waiting {
  error: TiercelError;
  /** For people: `waiting for memory: …`. */
  why: string;
  /** As `performance.now()` counts. */
  since: number;
}

export class Patience {
  readonly #root: string;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  #nudge = new AbortController();
  #waiting: Waiting | undefined;

  /** @param onChange called whenever the work begins to wait, waits again, or need not wait any more */
  constructor(root: string, logger: Logger, onChange: () => void) {
    this.#root = root;
    this.#logger = logger;
    this.#onChange = onChange;
  }

  /** Undefined while the store takes what it is given. */
  get waiting(): Waiting | undefined {
    return this.#waiting;
  }

  readonly hooks: PatienceHooks = {
    onWait: (error) => {
      this.#wait(error);
    },
    nudge: () => this.#nudge.signal,
  };

  /** A commit that waits is tried at once. */
  retryNow(): void {
    this.#nudge.abort();
    this.#nudge = new AbortController();
  }

  /** What the store may take has changed: why it waited holds no more, and a commit that waits is tried at once. */
  budgetChanged(): void {
    const waited = this.#waiting !== undefined;
    this.goOn();
    this.retryNow();
    if (waited) this.#onChange();
  }

  /** The store took what it was given, or nobody waits any more. */
  goOn(): void {
    if (this.#waiting === undefined) return;
    const seconds = Math.round((performance.now() - this.#waiting.since) / 1000);
    this.#logger.info(`${this.#root}: waited ${String(seconds)} s`);
    this.#waiting = undefined;
  }

  #wait(error: TiercelError): void {
    const why = `${error.code === errorCodes.memoryPressure ? 'waiting for memory' : 'waiting'}: ${error.message}`;
    if (this.#waiting === undefined) this.#logger.warn(`${this.#root}: ${why}`);
    this.#waiting = { error, why, since: this.#waiting?.since ?? performance.now() };
    this.#onChange();
  }
}
