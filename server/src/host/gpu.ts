/**
 * The GPU of this process: opened when it is wanted and may matter, watched, and its events logged.
 *
 * A driver that fails while it is opened can end the process. A mark on the disk lies there meanwhile: the next server finds
 * it and lets the GPU be, until the user says `on`.
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../../protocol/errors.ts';
import type { GpuStatus } from '../../../protocol/status.ts';
import type { Logger } from '../logging/logger.ts';
import type { ResolvedGpuSettings } from '../settings/engine.ts';
import { configureGpu, gpuStatus } from '../store/gpu.ts';

/** Fewer vectors than this are searched in a fraction of a millisecond: opening a device is not worth its memory. */
export const vectorsWorthAGpu = 100_000;

const shownEvents = 10;

const none = {
  budget: 0,
  held: 0,
  vectors: 0,
  hits: 0,
  misses: 0,
  evictions: 0,
  searches: 0,
  failedOver: 0,
  events: [],
};

export class GpuControl {
  readonly #logger: Logger;
  readonly #directory: string;
  #settings: ResolvedGpuSettings = { mode: 'auto', memoryBudget: 0, allowSoftware: false };
  /** What is configured, or being configured; empty: nothing. */
  #applied = '';
  #work: Promise<void> = Promise.resolve();
  /** Why no device was asked for. */
  #idle = '';
  #open = false;
  #lastEvent = 0;

  /** @param directory where compiled kernels and the mark are kept; made when needed */
  constructor(logger: Logger, directory: string) {
    this.#logger = logger;
    this.#directory = directory;
  }

  get status(): GpuStatus {
    const { mode } = this.#settings;
    if (this.#idle !== '') return { mode, sentence: this.#idle, ...none };
    const status = gpuStatus();
    const sentence = status.sentence === '' ? 'The GPU is being opened.' : status.sentence;
    return { mode, ...status, sentence, events: status.events.slice(-shownEvents) };
  }

  /** @param vectors in all open stores */
  apply(settings: ResolvedGpuSettings, vectors: number): void {
    this.#settings = settings;
    this.#idle = this.#reasonToWait(settings, vectors);
    const wanted = this.#idle === '' ? JSON.stringify(settings) : '';
    if (wanted === this.#applied) return;
    this.#applied = wanted;
    this.#work = this.#work.then(() => (wanted === '' ? this.#shut() : this.#start(settings)));
  }

  /** Logs what happened since the last call. */
  logEvents(): void {
    if (this.#idle !== '') return;
    for (const { sequence, message } of gpuStatus().events) {
      if (sequence <= this.#lastEvent) continue;
      this.#lastEvent = sequence;
      this.#logger.info(`GPU: ${message}`);
    }
  }

  /** Gives the device back. */
  async close(): Promise<void> {
    this.#applied = '';
    this.#idle = 'The server is being closed.';
    this.#work = this.#work.then(() => this.#shut());
    await this.#work;
  }

  /** Empty: the device is wanted. */
  #reasonToWait({ mode }: ResolvedGpuSettings, vectors: number): string {
    if (mode === 'off') return 'Turned off by tiercel.gpu.search: searches run on the CPU.';
    if (mode === 'on') return '';
    if (!this.#open && this.#wasCutOff()) {
      return (
        "The GPU's driver ended the server when it was opened last time: searches run on the CPU. " +
        'Update the driver, then set tiercel.gpu.search to "on" to try again.'
      );
    }
    // Once open it stays: indexes come and go.
    if (this.#open || vectors >= vectorsWorthAGpu) return '';
    return (
      `Not opened: ${vectors.toLocaleString('en')} vectors are searched on the CPU in well under a millisecond. ` +
      `With tiercel.gpu.search "auto" the GPU is opened from ${vectorsWorthAGpu.toLocaleString('en')} on.`
    );
  }

  get #mark(): string {
    return join(this.#directory, 'opening');
  }

  #wasCutOff(): boolean {
    return this.#applied === '' && statSync(this.#mark, { throwIfNoEntry: false }) !== undefined;
  }

  async #start(settings: ResolvedGpuSettings): Promise<void> {
    try {
      mkdirSync(this.#directory, { recursive: true });
      writeFileSync(this.#mark, '');
      this.#lastEvent = 0;
      this.#open = await configureGpu(settings, this.#directory);
      if (!this.#open) this.#logger.info(`GPU: ${gpuStatus().sentence}`);
    } catch (error) {
      this.#logger.error(`The GPU could not be configured: ${messageOf(error)}`, error);
    } finally {
      rmSync(this.#mark, { force: true });
    }
  }

  async #shut(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    try {
      await configureGpu({ ...this.#settings, mode: 'off' }, this.#directory);
    } catch (error) {
      this.#logger.error(`The GPU could not be given back: ${messageOf(error)}`, error);
    }
  }
}
