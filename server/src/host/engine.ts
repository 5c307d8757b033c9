/** The engine of this process: the wishes of the connected clients become its settings, its alerts go to the log. */
import { messageOf } from '../../../protocol/errors.ts';
import type { EngineSettings } from '../../../protocol/settings.ts';
import type { MemoryStatus } from '../../../protocol/status.ts';
import type { Logger } from '../logging/logger.ts';
import { resolveEngineSettings, thisMachine, type ResolvedEngineSettings } from '../settings/engine.ts';
import { applyEngineSettings, memoryStatus } from '../store/engine.ts';

const watchMs = 2000;
const shownAlerts = 10;

export class EngineControl {
  readonly #logger: Logger;
  readonly #onChange: () => void;
  /** By client, the one that spoke last at the end. */
  readonly #wishes = new Map<object, EngineSettings>();
  readonly #machine = thisMachine();
  readonly #watch: NodeJS.Timeout;
  #settings: ResolvedEngineSettings;
  #applied = '';
  #lastAlert = 0;

  /** @param onChange called after other settings hold */
  constructor(logger: Logger, onChange: () => void) {
    this.#logger = logger;
    this.#onChange = onChange;
    this.#settings = resolveEngineSettings([], this.#machine);
    this.#apply();
    this.#watch = setInterval(() => {
      this.#logAlerts();
    }, watchMs).unref();
  }

  /** @param client whose wishes these are, until {@link forget} */
  wish(client: object, { memory, disk, search }: EngineSettings): void {
    this.#wishes.delete(client);
    this.#wishes.set(client, { memory, disk, search });
    this.#apply();
  }

  /** A client is gone, and its wishes with it. */
  forget(client: object): void {
    this.#wishes.delete(client);
    this.#apply();
  }

  get memory(): MemoryStatus {
    const status = memoryStatus();
    return { ...status, alerts: status.alerts.slice(-shownAlerts) };
  }

  /** Bytes that the index of one repository may take. */
  get diskBudget(): number {
    return this.#settings.diskBudget;
  }

  close(): void {
    clearInterval(this.#watch);
  }

  #apply(): void {
    this.#settings = resolveEngineSettings([...this.#wishes.values()], this.#machine);
    const wanted = JSON.stringify(this.#settings);
    if (wanted === this.#applied) return;
    try {
      applyEngineSettings(this.#settings);
      this.#applied = wanted;
      this.#logger.info(`Engine settings: ${wanted}`);
      this.#onChange();
    } catch (error) {
      this.#logger.error(`The engine refused its settings: ${messageOf(error)}`, error);
    }
  }

  #logAlerts(): void {
    for (const { sequence, level, message } of memoryStatus(this.#lastAlert).alerts) {
      this.#lastAlert = Math.max(this.#lastAlert, sequence);
      const line = `Memory: ${level}: ${message}`;
      if (level === 'refuse-writes') this.#logger.warn(line);
      else this.#logger.info(line);
    }
  }
}
