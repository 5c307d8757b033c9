/** The files of the last listing, kept up to date by single changes in between. */
import { parentOf } from './rules.ts';
import type { Listing } from './listing.ts';
import type { FileChange, FileEntry } from './types.ts';

/** Path -> size and time: what tells a changed file without reading it. */
export type Stamps = ReadonlyMap<string, string>;

export function stampsOf(entries: readonly FileEntry[]): Stamps {
  return new Map(entries.map(({ path, size, mtimeMs }) => [path, `${String(size)}:${String(mtimeMs)}`]));
}

export function compareStamps(before: Stamps, now: Stamps): FileChange[] {
  const changes: FileChange[] = [];
  for (const [path, stamp] of now) if (before.get(path) !== stamp) changes.push({ path, kind: 'changed' });
  for (const path of before.keys()) if (!now.has(path)) changes.push({ path, kind: 'removed' });
  return changes;
}

export class KnownFiles {
  #files = new Set<string>();
  #folders = new Set<string>();
  #repositories: readonly string[] = [];
  readonly #journals = new Set<FileChange[]>();

  get files(): ReadonlySet<string> {
    return this.#files;
  }

  /** Folders with a known file anywhere below; the root is the empty string. */
  get folders(): ReadonlySet<string> {
    return this.#folders;
  }

  get repositories(): readonly string[] {
    return this.#repositories;
  }

  /**
   * Replaces all that is known by what `list` gives. Changes noted while it runs are not lost, as the listing may have
   * passed their place already.
   */
  async replaceBy(list: () => Promise<Listing>): Promise<Listing> {
    const journal: FileChange[] = [];
    this.#journals.add(journal);
    try {
      const listing = await list();
      this.#files = new Set();
      this.#folders = new Set(['']);
      this.#repositories = listing.repositories;
      for (const { path } of listing.entries) this.#add(path);
      for (const change of journal) this.#apply(change);
      return listing;
    } finally {
      this.#journals.delete(journal);
    }
  }

  note(change: FileChange): void {
    this.#apply(change);
    for (const journal of this.#journals) journal.push(change);
  }

  /** Known files below any of these folders. */
  below(folders: ReadonlySet<string>): string[] {
    return [...this.#files].filter((path) => {
      for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) if (folders.has(parent)) return true;
      return folders.has('');
    });
  }

  #apply(change: FileChange): void {
    if (change.kind === 'changed') this.#add(change.path);
    else this.#files.delete(change.path);
  }

  #add(path: string): void {
    this.#files.add(path);
    for (let parent = parentOf(path); !this.#folders.has(parent); parent = parentOf(parent)) this.#folders.add(parent);
  }
}
