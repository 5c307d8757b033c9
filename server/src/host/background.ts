/** How much of the machine the background work of this process takes: by the wishes of the clients, less on battery. */
import type { BackgroundLoad } from '../../../protocol/settings.ts';
import type { ChunkerPool } from '../chunking/pool.ts';
import { Throttle } from '../indexing/throttle.ts';
import type { Logger } from '../logging/logger.ts';
import { onBattery, powerCheckMs } from './power.ts';

/** Of the parse processes, below this one. */
const niceness: Record<BackgroundLoad, number> = { low: 19, normal: 10, full: 0 };

export interface BackgroundOptions {
  chunker: ChunkerPool;
  /** Parse processes at `normal`. */
  processes: number;
  logger: Logger;
}

export class Background {
  /** Of all folders. */
  readonly throttle = new Throttle();
  readonly #options: BackgroundOptions;
  /** By client, the one that spoke last at the end. A value at its default is no wish. */
  readonly #wishes = new Map<object, BackgroundLoad>();
  readonly #timer: NodeJS.Timeout;
  #battery = false;
  #why = '';

  constructor(options: BackgroundOptions) {
    this.#options = options;
    this.#apply();
    this.#timer = setInterval(() => {
      void this.#lookAtPower();
    }, powerCheckMs()).unref();
    void this.#lookAtPower();
  }

  get status(): { load: BackgroundLoad; why: string } {
    return { load: this.throttle.load, why: this.#why };
  }

  /** @param client whose wish this is, until {@link forget} */
  wish(client: object, load: BackgroundLoad): void {
    this.#wishes.delete(client);
    this.#wishes.set(client, load);
    this.#apply();
  }

  forget(client: object): void {
    this.#wishes.delete(client);
    this.#apply();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #lookAtPower(): Promise<void> {
    const battery = (await onBattery()) === true;
    if (battery === this.#battery) return;
    this.#battery = battery;
    this.#apply();
  }

  #apply(): void {
    const wish = [...this.#wishes.values()].findLast((load) => load !== 'normal');
    const load = wish ?? (this.#battery ? 'low' : 'normal');
    const why = wish === undefined ? (this.#battery ? 'on battery' : 'by default') : 'by tiercel.background.load';
    const changed = why !== this.#why || load !== this.throttle.load;
    this.#why = why;
    if (!changed) return;
    const { chunker, processes, logger } = this.#options;
    logger.info(`Background load: ${load} (${why})`);
    this.throttle.load = load;
    chunker.adjust(load === 'low' ? 1 : load === 'full' ? processes + 1 : processes, niceness[load]);
  }
}
