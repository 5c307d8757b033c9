/**
 * The lanes whose vectors are filled in beside the work on changed files. The instant lane comes first: it takes seconds,
 * and it is what makes a folder searchable by meaning at all.
 */
import { messageOf } from '../../../protocol/errors.ts';
import { VectorFiller, type FillerOptions } from './filler.ts';
import type { Lane } from './lane.ts';
import type { Waiting } from './patience.ts';

/** A step is what is in memory, what a crash costs, and what a saved file may wait for. */
const filesPerStep = { instant: 64, deep: 16 };

export class Fillers {
  readonly instant: VectorFiller;
  readonly deep: VectorFiller;

  /** @param instant the lane every folder has */
  constructor(options: Omit<FillerOptions, 'filesPerStep'>, instant: Lane) {
    this.instant = new VectorFiller({ ...options, filesPerStep: filesPerStep.instant }, instant);
    const quiet = async (): Promise<void> => {
      await options.quiet();
      for (let busy = this.instant.finished; busy !== undefined; busy = this.instant.finished) {
        await busy;
        await options.quiet();
      }
    };
    // Cutting is a small part of the deep lane's work, and the parse processes are wanted for what changes.
    this.deep = new VectorFiller({ ...options, quiet, concurrency: 1, filesPerStep: filesPerStep.deep });
  }

  /** The one at work. */
  get working(): VectorFiller | undefined {
    return this.#all.find(({ working }) => working);
  }

  get waiting(): Waiting | undefined {
    return this.instant.patience.waiting ?? this.deep.patience.waiting;
  }

  /** Why a lane stands still, while one does. */
  get trouble(): string | undefined {
    const trouble = this.instant.trouble ?? this.deep.trouble;
    return trouble === undefined ? undefined : messageOf(trouble);
  }

  hold(): void {
    for (const filler of this.#all) filler.hold();
  }

  release(): void {
    for (const filler of this.#all) filler.release();
  }

  /** Looks again for what is missing in the lanes that failed, and in the deep one if texts of it did. */
  retry(failedTexts: boolean): void {
    if (this.instant.trouble !== undefined) this.instant.more();
    if (failedTexts || this.deep.trouble !== undefined) this.deep.more();
  }

  retryNow(): void {
    for (const filler of this.#all) filler.patience.retryNow();
  }

  budgetChanged(): void {
    for (const filler of this.#all) filler.patience.budgetChanged();
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((filler) => filler.close()));
  }

  get #all(): VectorFiller[] {
    return [this.instant, this.deep];
  }
}
