/**
 * Notices that something happened in a set of folders: the only user of chokidar.
 *
 * Only folders are watched, never single files: chokidar would spend one system watch per file, and a folder's own
 * watch names the file that changed. What exactly happened is looked up afterwards, once per quiet moment. The folders
 * are given to chokidar in groups, one after the other, since it reads all folders of a watcher at once, which would
 * keep the event loop busy for seconds in a large repository.
 */
import { watch as chokidarWatch, type ChokidarOptions, type FSWatcher } from 'chokidar';
import { once } from 'node:events';
import type { Stats } from 'node:fs';
import { resolve } from 'node:path';

export interface WatcherEvents {
  /** Something happened to this entry of this folder; `renamed`: it may have come, gone or been replaced. */
  onTouched(folder: string, name: string, renamed: boolean): void;
  /** The system cannot watch (all of) the folders. */
  onError(error: Error): void;
}

/** Makes a chokidar watcher; tests pass one that fails as systems fail. */
export type Watch = (paths: string[], options: ChokidarOptions) => FSWatcher;

/** Small enough for some milliseconds of work at a time. */
const groupSize = 32;

/** Milliseconds after which a group that does not answer (a stalled network drive) no longer holds up the next. */
const longestStart = 30_000;

export class FolderWatcher {
  readonly #events: WatcherEvents;
  readonly #watch: Watch;
  /** Absolute folder -> the watcher of its group. */
  readonly #folders = new Map<string, FSWatcher>();
  /** Watcher -> the folders it still has. */
  readonly #groups = new Map<FSWatcher, Set<string>>();
  readonly #closing = new AbortController();
  #queue: Promise<void> = Promise.resolve();

  constructor(events: WatcherEvents, watch: Watch = chokidarWatch) {
    this.#events = events;
    this.#watch = watch;
  }

  isWatched(folder: string): boolean {
    return this.#folders.has(folder);
  }

  /** Watched folders, this one and those below it if given. */
  watched(below?: string): string[] {
    const all = [...this.#folders.keys()];
    return below === undefined ? all : all.filter((folder) => folder === below || isBelow(below, folder));
  }

  /** Resolves when these folders, absolute and existing, are watched. Those that are already stay as they are. */
  add(folders: Iterable<string>): Promise<void> {
    const wanted = [...folders];
    this.#queue = this.#queue.then(async () => {
      const missing = wanted.filter((folder) => !this.#folders.has(folder));
      for (let start = 0; start < missing.length && !this.#closing.signal.aborted; start += groupSize) {
        await this.#addGroup(missing.slice(start, start + groupSize));
      }
    });
    return this.#queue;
  }

  /** Ends the watches of these folders: they are gone, replaced by others of the same name, or no longer of interest. */
  drop(folders: Iterable<string>): void {
    for (const folder of folders) {
      const watcher = this.#folders.get(folder);
      if (watcher === undefined) continue;
      this.#folders.delete(folder);
      watcher.unwatch(folder);
      const group = this.#groups.get(watcher);
      group?.delete(folder);
      if (group?.size === 0) this.#end(watcher);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#folders.clear();
    await this.#queue;
    for (const watcher of this.#groups.keys()) this.#end(watcher);
  }

  async #addGroup(folders: string[]): Promise<void> {
    const group = new Set(folders);
    const watcher = this.#watch(folders, {
      // A path whose kind is not known yet is asked about again once it is.
      ignored: (path: string, stats?: Stats) =>
        stats !== undefined && !(stats.isDirectory() && group.has(resolve(path))),
      depth: 0,
      ignoreInitial: true,
      followSymlinks: false,
      ignorePermissionErrors: true,
      atomic: false,
    });
    this.#groups.set(watcher, group);
    for (const folder of folders) this.#folders.set(folder, watcher);
    watcher.on('raw', (event, name, details) => {
      const folder = watchedPath(details);
      if (!this.#closing.signal.aborted && folder !== undefined && typeof name === 'string') {
        this.#events.onTouched(folder, name, event === 'rename');
      }
    });
    watcher.on('error', (error) => {
      if (!this.#closing.signal.aborted)
        this.#events.onError(error instanceof Error ? error : new Error(String(error)));
    });
    const patience = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(longestStart)]);
    await once(watcher, 'ready', { signal: patience }).catch(() => {
      // Closed, too slow, or failed: an error was given to `onError`, and the next group may fare better.
    });
  }

  #end(watcher: FSWatcher): void {
    this.#groups.delete(watcher);
    // Nothing chokidar closes on these platforms is asynchronous; a failure leaves nothing to do.
    watcher.close().catch(() => undefined);
    // Closing takes the listeners away, and an error that nobody listens to would end the process.
    watcher.on('error', () => undefined);
  }
}

/** True for errors that mean "no more watches", after which watching on makes no sense. */
export function isExhausted(error: Error): boolean {
  return 'code' in error && (error.code === 'ENOSPC' || error.code === 'EMFILE' || error.code === 'ENFILE');
}

function isBelow(folder: string, path: string): boolean {
  return path.length > folder.length && path.startsWith(folder) && /[\\/]/.test(path.charAt(folder.length));
}

function watchedPath(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return undefined;
  return typeof details.watchedPath === 'string' ? resolve(details.watchedPath) : undefined;
}
