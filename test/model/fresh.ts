/** What a fresh index says: the same folders indexed from nothing by a server of its own. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { methods } from '../../protocol/methods.ts';
import type { IndexedFile } from '../../protocol/status.ts';
import { Client } from './client.ts';

export class FreshIndex {
  readonly #client: Client;
  readonly #scratch: string;

  private constructor(client: Client, scratch: string) {
    this.#client = client;
    this.#scratch = scratch;
  }

  /** @param base folder for what it needs */
  static async open(base: string): Promise<FreshIndex> {
    const client = await Client.open({ home: join(base, 'fresh'), folders: [], tells: false });
    return new FreshIndex(client, join(base, 'scratch'));
  }

  /**
   * @param unsaved texts of editors, by path relative to the folder
   */
  async of(folder: string, unsaved: ReadonlyMap<string, string>): Promise<IndexedFile[]> {
    const files = await this.#rebuilt(folder);
    const present = [...unsaved].filter(([path]) => files.some((file) => file.path === path));
    if (present.length === 0) return files;
    // As a person would see it who saved them: under the same names, in a folder without git.
    rmSync(this.#scratch, { recursive: true, force: true });
    for (const [path, text] of present) {
      const file = join(this.#scratch, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const saved = new Map((await this.#rebuilt(this.#scratch)).map((file) => [file.path, file]));
    return files.map((file) => (unsaved.has(file.path) ? (saved.get(file.path) ?? file) : file));
  }

  async close(): Promise<void> {
    await this.#client.killServer();
  }

  async #rebuilt(folder: string): Promise<IndexedFile[]> {
    await this.#client.connection.sendRequest(methods.index, { folder, rebuild: true });
    return this.#client.files(folder);
  }
}

export interface Leniency {
  /** Texts of editors, by path: they have no size and time of their own. */
  unsaved: ReadonlyMap<string, string>;
  /**
   * Events are dropped: what git finds then is another content, not another time of the same content, on which no answer
   * depends.
   */
  times: boolean;
}

/** The first differences, for a person; empty when there are none. */
export function differences(
  expected: readonly IndexedFile[],
  found: readonly IndexedFile[],
  { unsaved, times }: Leniency,
): string[] {
  const byPath = new Map(found.map((file) => [file.path, file]));
  const told: string[] = [];
  for (const file of expected) {
    const other = byPath.get(file.path);
    byPath.delete(file.path);
    if (other === undefined) told.push(`${file.path}: not in the index`);
    else {
      const [want, have] = [file, other].map((one) => comparable(one, times && !unsaved.has(file.path)));
      if (want !== have) told.push(`${file.path}:\n    fresh ${want ?? ''}\n    index ${have ?? ''}`);
    }
  }
  for (const path of byPath.keys()) told.push(`${path}: in the index, and not in a fresh one`);
  return told;
}

function comparable({ language, size, mtimeMs, contentHash, outcome, chunks }: IndexedFile, timed: boolean): string {
  return JSON.stringify({
    language,
    contentHash,
    outcome,
    chunks: chunks.map(({ startLine, endLine, key, missing }) => [startLine, endLine, key, ...missing]),
    ...(timed ? { size, mtimeMs } : {}),
  });
}
