/** Tells a person that indexing stands still for want of memory: once per stretch of waiting, when it does not pass by itself. */
import { basename } from 'node:path';
import type { IndexProgress } from '../../../protocol/status.ts';

/** Waiting that ends sooner is the engine at its work: nobody needs to act. */
const patienceMs = 10_000;

export class WaitingNotice {
  readonly #show: (message: string) => void;
  readonly #patienceMs: number;
  /** By folder: the notice that is due, or was given. */
  readonly #waiting = new Map<string, NodeJS.Timeout>();

  constructor(show: (message: string) => void, patience = patienceMs) {
    this.#show = show;
    this.#patienceMs = patience;
  }

  follow({ folder, waiting }: IndexProgress): void {
    if (waiting === undefined) {
      clearTimeout(this.#waiting.get(folder));
      this.#waiting.delete(folder);
    } else if (!this.#waiting.has(folder)) {
      const say = (): void => {
        this.#show(
          `Tiercel: indexing of ${basename(folder)} is ${waiting} ` +
            'Searches go on working, and indexing goes on by itself once there is room.',
        );
      };
      this.#waiting.set(folder, setTimeout(say, this.#patienceMs).unref());
    }
  }

  close(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }
}
