import type { FileChange } from '../workspace/types.ts';

export interface Job {
  path: string;
  kind: FileChange['kind'];
  /** Why the file is looked at, for the log: `new`, `changed on disk`, `saved`, … */
  reason: string;
}

/** Pending files, one job per path: a newer change of a path replaces the one that waits. Order of first arrival. */
export class JobQueue {
  readonly #jobs = new Map<string, Job>();

  get size(): number {
    return this.#jobs.size;
  }

  add(job: Job): void {
    this.#jobs.set(job.path, job);
  }

  /** The oldest job, removed; undefined when nothing waits. */
  take(): Job | undefined {
    for (const job of this.#jobs.values()) {
      this.#jobs.delete(job.path);
      return job;
    }
    return undefined;
  }

  /** Takes all paths that are gone and pass. */
  takeRemoved(pass: (path: string) => boolean): string[] {
    const gone = [...this.#jobs.values()].filter(({ kind, path }) => kind === 'removed' && pass(path));
    for (const { path } of gone) this.#jobs.delete(path);
    return gone.map(({ path }) => path);
  }

  clear(): void {
    this.#jobs.clear();
  }
}
