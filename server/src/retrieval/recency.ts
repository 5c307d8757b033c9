/** What was changed last in a folder, and what that says of its files. */

/** Paths that were changed one or a few at a time, latest first; relative to the folder. */
export type RecentPaths = readonly string[];

/** Paths kept. */
const remembered = 16;
/** More changes at once than a person makes: a branch was switched, or code was generated. */
const mostAtOnce = 8;

export class RecentChanges {
  #paths: string[] = [];

  /** @param paths changed together; removed files are forgotten by being changed no more */
  note(paths: readonly string[]): void {
    if (paths.length > mostAtOnce) return;
    const now = new Set(paths);
    this.#paths = [...now, ...this.#paths.filter((path) => !now.has(path))].slice(0, remembered);
  }

  get paths(): RecentPaths {
    return this.#paths;
  }
}

/** 1 for the file that was changed last, less for each one before it; 0 for all others. */
export function recencyOf(path: string, recent: RecentPaths): number {
  const at = recent.indexOf(path);
  return at < 0 ? 0 : 1 - at / remembered;
}
