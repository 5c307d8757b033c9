/**
 * Finds what events missed: looks at the folder from time to time, as cheaply as it can. In a git work tree git itself
 * says what differs from its index; elsewhere the listing is compared with the one before.
 */
import { isCancelled, messageOf } from '../../../protocol/errors.ts';
import { GitFailure } from './git.ts';
import { compareStamps, stampsOf, type KnownFiles, type Stamps } from './known.ts';
import type { Folder } from './listing.ts';
import { differences, takeSnapshot, type Snapshot } from './status-snapshot.ts';
import type { FileChange, FileEntry } from './types.ts';

export interface ReconcilerOptions {
  known: KnownFiles;
  folder: () => Folder;
  list: () => Promise<FileEntry[]>;
  /**
   * Paths that git sees otherwise than before: to be judged by the rules, and passed over where they were reported as they
   * are now. Called with every look: what was reported since the last one is suspect too.
   */
  onSuspects: (paths: string[]) => Promise<void>;
  onChanges: (changes: FileChange[]) => void;
  /** Single changes do not tell what happened. */
  onRescan: (reason: string) => void;
  onProblem: (message: string) => void;
}

export interface Pace {
  /** Least time between two looks, milliseconds. */
  leastMs: number;
  /** A look that took a millisecond is paid for by so many of rest. */
  restShare: number;
}

/** Beside a watcher: one look a minute, at most a thousandth of one core. */
const besideEvents: Pace = { leastMs: 60_000, restShare: 1000 };
/** As {@link besideEvents}, with the least time of the environment variable TIERCEL_RECONCILE_MS where it is set. */
export function usualPace(environment: NodeJS.ProcessEnv = process.env): Pace {
  const leastMs = Number(environment['TIERCEL_RECONCILE_MS']);
  return leastMs > 0 ? { leastMs, restShare: 1 } : besideEvents;
}

/** In place of a watcher. */
export const insteadOfEvents: Pace = { leastMs: 5000, restShare: 10 };

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #closing = new AbortController();
  #pace: Pace;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #snapshot: Snapshot | undefined;
  #stamps: Stamps | undefined;
  /** Rescans that were called for since the last look, by whoever: they cover a changed state of git. */
  #rescanned = false;

  constructor(options: ReconcilerOptions, pace: Pace) {
    this.#options = options;
    this.#pace = pace;
  }

  set pace(pace: Pace) {
    this.#pace = pace;
    this.#next(0);
  }

  /** Somebody called for a listing of everything. */
  noteRescan(): void {
    this.#rescanned = true;
  }

  /**
   * Begins: what changes from now on is found.
   *
   * @param stamps of a listing made before, where there is one
   */
  async start(stamps: Stamps): Promise<void> {
    if (this.#options.folder().workTree === undefined) this.#stamps = stamps;
    await this.look();
    this.#next(0);
  }

  /** One look; those asked for meanwhile share it. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => {
        if (isCancelled(error) || this.#closing.signal.aborted) return;
        this.#options.onProblem(`The folder cannot be compared: ${messageOf(error)}.`);
      })
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #next(tookMs: number): void {
    clearTimeout(this.#timer);
    if (this.#closing.signal.aborted) return;
    const { leastMs, restShare } = this.#pace;
    const timer = setTimeout(
      () => {
        const start = performance.now();
        void this.look().then(() => {
          // Another pace may hold by now, with a timer of its own.
          if (this.#timer === timer) this.#next(performance.now() - start);
        });
      },
      Math.max(leastMs, tookMs * restShare),
    ).unref();
    this.#timer = timer;
  }

  async #look(): Promise<void> {
    const folder = this.#options.folder();
    if (folder.workTree === undefined) return this.#compareListings();
    try {
      await this.#compareSnapshots(folder);
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      // Git refuses, or the repository is going away: a listing finds another way.
      await this.#compareListings();
    }
  }

  async #compareSnapshots(folder: Folder): Promise<void> {
    const before = this.#snapshot;
    this.#stamps = undefined;
    const rescanned = this.#rescanned;
    this.#rescanned = false;
    const now = await takeSnapshot(folder, this.#options.known.repositories, this.#closing.signal);
    this.#snapshot = now;
    if (before === undefined) return;
    if (before.gitState !== now.gitState && !rescanned) {
      this.#options.onRescan('git changed its index, found by comparing');
      return;
    }
    const paths = differences(before, now);
    // A folder among them is a repository that came or went.
    if (paths.some((path) => path.endsWith('/'))) this.#options.onRescan('a repository inside, found by comparing');
    const files = paths.filter((path) => !path.endsWith('/'));
    await this.#options.onSuspects(files);
  }

  async #compareListings(): Promise<void> {
    const before = this.#stamps;
    this.#snapshot = undefined;
    const now = stampsOf(await this.#options.list());
    this.#stamps = now;
    if (before === undefined) this.#options.onRescan('the first comparison');
    else this.#options.onChanges(compareStamps(before, now));
  }
}
