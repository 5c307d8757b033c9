/** Files that are not in the index as they should be, with the reason in words: what the store's outcomes do not say. */

export interface FileProblem {
  path: string;
  /** The outcome in the store, or `not-embedded`. */
  reason: string;
  /** For a person. */
  detail: string;
}

/** Beyond so many, what they have in common is the news. */
const mostKept = 1000;

export class Problems {
  readonly #byPath = new Map<string, FileProblem>();
  readonly #onChange: () => void;

  /** @param kept of an earlier time @param onChange when they are to be kept again */
  constructor(kept: readonly FileProblem[] = [], onChange: () => void = () => undefined) {
    for (const problem of kept) this.#byPath.set(problem.path, problem);
    this.#onChange = onChange;
  }

  get all(): FileProblem[] {
    return [...this.#byPath.values()];
  }

  get(path: string): FileProblem | undefined {
    return this.#byPath.get(path);
  }

  set(problem: FileProblem): void {
    const before = this.#byPath.get(problem.path);
    if (before?.reason === problem.reason && before.detail === problem.detail) return;
    if (before === undefined && this.#byPath.size >= mostKept) return;
    this.#byPath.set(problem.path, problem);
    this.#onChange();
  }

  clear(path: string): void {
    if (this.#byPath.delete(path)) this.#onChange();
  }

  clearReason(reason: string): void {
    const gone = this.all.filter((problem) => problem.reason === reason);
    for (const { path } of gone) this.#byPath.delete(path);
    if (gone.length > 0) this.#onChange();
  }
}
