/** What is to outlast the server about one folder: that its indexing was paused or cancelled, and what failed and why. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../../protocol/errors.ts';
import type { Logger } from '../logging/logger.ts';

const memorySchema = z.object({
  halt: z.enum(['paused', 'cancelled']).optional().catch(undefined),
  problems: z.array(z.object({ path: z.string(), reason: z.string(), detail: z.string() })).catch([]),
});

export type Remembered = z.infer<typeof memorySchema>;

const nothing: Remembered = { problems: [] };

export class FolderMemory {
  readonly #file: string;
  readonly #logger: Logger;
  #value: Remembered;
  #written: Promise<void> = Promise.resolve();
  #pending = false;

  private constructor(file: string, value: Remembered, logger: Logger) {
    this.#file = file;
    this.#value = value;
    this.#logger = logger;
  }

  /** What cannot be read counts as nothing: the worst is that a pause is forgotten. */
  static async open(file: string, logger: Logger): Promise<FolderMemory> {
    const raw = await readFile(file, 'utf8').catch(() => undefined);
    return new FolderMemory(file, raw === undefined ? nothing : parsed(raw), logger);
  }

  get value(): Remembered {
    return this.#value;
  }

  /** Resolves when it is on the disk, together with what was set meanwhile. */
  set(change: Partial<Remembered>): Promise<void> {
    this.#value = { ...this.#value, ...change };
    if (!this.#pending) {
      this.#pending = true;
      this.#written = this.#written.then(() => this.#write());
    }
    return this.#written;
  }

  /** Resolves when all that was set is on the disk. */
  settled(): Promise<void> {
    return this.#written;
  }

  async #write(): Promise<void> {
    this.#pending = false;
    try {
      if (this.#value.halt === undefined && this.#value.problems.length === 0) {
        await rm(this.#file, { force: true });
        return;
      }
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      const draft = `${this.#file}.${randomUUID()}`;
      await writeFile(draft, JSON.stringify(this.#value), { mode: 0o600 });
      await rename(draft, this.#file);
    } catch (error) {
      this.#logger.warn(`What is to be remembered of a folder could not be written: ${messageOf(error)}`);
    }
  }
}

function parsed(raw: string): Remembered {
  try {
    return memorySchema.catch(nothing).parse(JSON.parse(raw));
  } catch {
    return nothing;
  }
}
