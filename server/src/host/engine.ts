/** The engine of this process: the wishes of the connected clients become its settings, its alerts go to the log. */
import { messageOf } from '../../../protocol/errors.ts';
import type { EngineSettings } from '../../../protocol/settings.ts';
import type { GpuStatus, MemoryStatus } from '../../../protocol/status.ts';
import type { Logger } from '../logging/logger.ts';
import { resolveEngineSettings, thisMachine, type ResolvedEngineSettings } from '../settings/engine.ts';
import { gpuDirectory } from '../settings/paths.ts';
import { applyEngineSettings, memoryStatus, vectorsHeld } from '../store/engine.ts';
import { GpuControl } from './gpu.ts';

const watchMs = 2000;
const shownAlerts = 10;

export class EngineControl {
  readonly #logger: Logger;
  readonly #onChange: () => void;
  /** By client, the one that spoke last at the end. */
  readonly #wishes = new Map<object, EngineSettings>();
  readonly #machine = thisMachine();
  readonly #watch: NodeJS.Timeout;
  readonly #gpu: GpuControl;
  #settings: ResolvedEngineSettings;
  #applied = '';
  #lastAlert = 0;

  /** @param onChange called after other settings hold */
  constructor(logger: Logger, onChange: () => void) {
    this.#logger = logger;
    this.#onChange = onChange;
    this.#gpu = new GpuControl(logger, gpuDirectory());
    this.#settings = resolveEngineSettings([], this.#machine);
    this.#apply();
    this.#watch = setInterval(() => {
      this.#logAlerts();
      this.#applyGpu();
      this.#gpu.logEvents();
    }, watchMs).unref();
  }

  /** @param client whose wishes these are, until {@link forget} */
  wish(client: object, { memory, disk, search, gpu }: EngineSettings): void {
    this.#wishes.delete(client);
    this.#wishes.set(client, { memory, disk, search, gpu });
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

  get gpu(): GpuStatus {
    // Indexes may have been opened since the last look.
    this.#applyGpu();
    return this.#gpu.status;
  }

  /** Bytes that the index of one repository may take. */
  get diskBudget(): number {
    return this.#settings.diskBudget;
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    await this.#gpu.close();
  }

  #applyGpu(): void {
    this.#gpu.apply(this.#settings.gpu, vectorsHeld());
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
      this.#applyGpu();
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
