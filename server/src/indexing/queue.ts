import type { FileChange } from '../workspace/types.ts';

/** Which job goes first: what somebody waits for, what they see, then what they are likely to ask about. */
export const urgencies = ['now', 'open', 'recent', 'source', 'test', 'prose'] as const;
export type Urgency = (typeof urgencies)[number];

export interface Job {
  path: string;
  kind: FileChange['kind'];
  /** Why the file is looked at, for the log: `new`, `changed on disk`, `saved`, … */
  reason: string;
  /** Default `now`. */
  urgency?: Urgency;
  /** Outcome that is known already: found again, it need not be recorded. */
  before?: string;
}

/**
 * Pending files, one job per path: a newer change of a path replaces the one that waits, and keeps the more urgent place
 * of the two. Most urgent first, within one urgency in the order of first arrival.
 */
export class JobQueue {
  readonly #jobs = new Map<Urgency, Map<string, Job>>(urgencies.map((urgency) => [urgency, new Map<string, Job>()]));
  readonly #urgencyOf = new Map<string, Urgency>();

  get size(): number {
    return this.#urgencyOf.size;
  }

  add(job: Job): void {
    const wanted = job.urgency ?? 'now';
    const before = this.#urgencyOf.get(job.path);
    const urgency = before !== undefined && urgencies.indexOf(before) < urgencies.indexOf(wanted) ? before : wanted;
    if (before !== undefined && before !== urgency) this.#jobs.get(before)?.delete(job.path);
    this.#urgencyOf.set(job.path, urgency);
    this.#jobs.get(urgency)?.set(job.path, job);
  }

  /**
   * The first job, removed; undefined when nothing waits.
   *
   * @param skips paths that are left for later
   */
  take(skips: (path: string) => boolean = () => false): Job | undefined {
    for (const jobs of this.#jobs.values()) {
      for (const job of jobs.values()) {
        if (skips(job.path)) continue;
        this.#drop(job.path);
        return job;
      }
    }
    return undefined;
  }

  /** Takes all paths that are gone and pass. */
  takeRemoved(pass: (path: string) => boolean): string[] {
    const gone = [...this.#jobs.values()].flatMap((jobs) =>
      [...jobs.values()].filter(({ kind, path }) => kind === 'removed' && pass(path)).map(({ path }) => path),
    );
    for (const path of gone) this.#drop(path);
    return gone;
  }

  clear(): void {
    this.#urgencyOf.clear();
    for (const jobs of this.#jobs.values()) jobs.clear();
  }

  #drop(path: string): void {
    const urgency = this.#urgencyOf.get(path);
    if (urgency === undefined) return;
    this.#urgencyOf.delete(path);
    this.#jobs.get(urgency)?.delete(path);
  }
}
