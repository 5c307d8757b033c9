/** Batches that were too large for a device, kept over restarts. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { writeAtomically } from './models/files.ts';

const schema = z.record(z.string(), z.int().min(1));

export class BatchLimits {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param path a file that need not exist
   * @param onError told when it cannot be written: the next start learns anew then
   */
  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
  }

  /** The most tokens a batch may have; undefined when the device never ran out of memory. */
  ceiling(device: string, model: string): number | undefined {
    return this.#read()[keyOf(device, model)];
  }

  remember(device: string, model: string, tokens: number): void {
    this.#writing = this.#writing
      .then(() =>
        writeAtomically(this.#path, `${JSON.stringify({ ...this.#read(), [keyOf(device, model)]: tokens })}\n`),
      )
      .catch(this.#onError);
  }

  /** Resolves when everything is on disk. */
  settled(): Promise<void> {
    return this.#writing;
  }

  /** A file that is absent or damaged holds nothing: its content can be learned again. */
  #read(): Record<string, number> {
    try {
      return schema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch {
      return {};
    }
  }
}

function keyOf(device: string, model: string): string {
  return `${device} / ${model}`;
}
