/** Turns what the watcher notices into batches of changed and removed files, or into the advice to list anew. */
import type { Stats } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { messageOf } from '../../../protocol/errors.ts';
import { compareStamps, stampsOf, type KnownFiles, type Stamps } from './known.ts';
import { filterPaths, lstat, mayEnter, rulesOf, walkBelow, type Folder } from './listing.ts';
import { insteadOfEvents, Reconciler, usualPace, type Pace } from './reconcile.ts';
import { isIgnoreFile, type IgnoreRules } from './rules.ts';
import type { FileChange, FileEntry, Touch, Workspace } from './types.ts';
import { FolderWatcher, isExhausted, type Watch } from './watcher.ts';

export type Handlers = Parameters<Workspace['watch']>[0];

export interface Surroundings {
  readonly known: KnownFiles;
  /** The folder as last described. */
  folder(): Folder;
  /** Describes the folder again: it may have become a repository. */
  refresh(): Promise<void>;
  list(): Promise<FileEntry[]>;
}

/** Milliseconds of quiet that end a batch of events, and the longest a batch waits for quiet. */
const quiet = 100;
const patience = 500;
/** Git and editors write ignore files and git's index in several steps. */
const rescanQuiet = 400;
/** When a new folder is looked at again: what was written before its watch stood is found then. */
const secondLook = 1000;
/** More events at once than this, and the system's queue has probably dropped some. */
const mostTouched = 10_000;

/** Stands for the size and time of what is not there. */
const gone = 'gone';

export interface FeedOptions {
  watch?: Watch | undefined;
  /** How often is looked for what events missed. */
  pace?: Pace | undefined;
  /** A client tells what happens in the folder: only git's own folders are watched. */
  told?: boolean | undefined;
}

export class ChangeFeed {
  readonly #surroundings: Surroundings;
  readonly #handlers: Handlers;
  readonly #watcher: FolderWatcher;
  readonly #timers = new Set<NodeJS.Timeout>();
  #rules: IgnoreRules;
  /** Relative path -> whether it may have come, gone or been replaced. */
  #touched = new Map<string, boolean>();
  #firstTouch = 0;
  #flushTimer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #rescanTimer: NodeJS.Timeout | undefined;
  #rulesChanged = false;
  /** The system has no watches left. */
  #polling = false;
  #told: boolean;
  readonly #pace: Pace;
  #closed = false;
  readonly #reconciler: Reconciler;
  /** Size and time of what was listed or reported last, by path: what a comparison finds the same was not missed. */
  readonly #reported = new Map<string, string>();
  /**
   * What was listed or reported anew since the last comparison: it may have changed again unseen, and look to git as if
   * nothing had happened.
   */
  #recent = new Set<string>();
  readonly #problems = new Set<string>();

  constructor(surroundings: Surroundings, handlers: Handlers, { watch, pace, told = false }: FeedOptions = {}) {
    this.#pace = pace ?? usualPace();
    this.#surroundings = surroundings;
    this.#handlers = handlers;
    this.#told = told;
    this.#reconciler = new Reconciler(
      {
        known: surroundings.known,
        folder: () => surroundings.folder(),
        list: () => surroundings.list(),
        onSuspects: (paths) => this.#suspect(paths),
        onChanges: (changes) => {
          this.#deliver(changes, 'found by comparing');
        },
        onRescan: (reason) => {
          this.#askForListing(reason);
        },
        onProblem: (message) => {
          this.#tell(message);
        },
      },
      this.#pace,
    );
    this.#rules = rulesOf(surroundings.folder());
    this.#watcher = new FolderWatcher(
      {
        onTouched: (folder, name, renamed) => {
          this.#onTouched(folder, name, renamed);
        },
        onError: (error) => {
          this.#onError(error);
        },
      },
      watch,
    );
  }

  /**
   * Resolves when all folders are watched. What changed since a listing made before is reported first of all.
   *
   * @param before that listing
   */
  async start(before: Stamps): Promise<void> {
    for (const [path, stamp] of before) this.#reported.set(path, stamp);
    await this.#watcher.add(await this.#wantedFolders());
    if (this.#closed) return;
    await this.#reconciler.start(before);
    if (this.#surroundings.folder().workTree === undefined) return;
    this.#deliver(
      compareStamps(before, stampsOf(await this.#surroundings.list())),
      'changed while the watch was set up',
    );
  }

  /** To be called after each listing: it may have found what the events did not tell of. */
  listed(entries: readonly FileEntry[]): void {
    const now = stampsOf(entries);
    for (const [path, stamp] of now) this.#note(path, stamp);
    for (const path of this.#reported.keys()) if (!now.has(path)) this.#note(path, gone);
    this.#ensureWatched();
  }

  #note(path: string, stamp: string): void {
    if ((this.#reported.get(path) ?? gone) === stamp) return;
    this.#reported.set(path, stamp);
    this.#recent.add(path);
  }

  #ensureWatched(): void {
    if (this.#polling || this.#told || this.#closed) return;
    const { root } = this.#surroundings.folder();
    void this.#watcher.add([...this.#surroundings.known.folders].map((path) => join(root, path)));
  }

  /** From now on a client tells what happens, or no longer does. What happens in between is found by comparing. */
  async setTold(told: boolean): Promise<void> {
    if (this.#told === told || this.#closed) return;
    this.#told = told;
    if (this.#polling) {
      this.#reconciler.pace = told ? this.#pace : insteadOfEvents;
      return;
    }
    const wanted = await this.#wantedFolders();
    this.#watcher.drop(this.#watcher.watched().filter((path) => !wanted.has(path)));
    await this.#watcher.add(wanted);
    await this.#reconciler.look();
  }

  /** What a client says has happened. */
  tell(touches: readonly Touch[]): void {
    const { root } = this.#surroundings.folder();
    for (const { path, renamed } of touches) {
      const at = path.lastIndexOf('/');
      this.#onTouched(join(root, path.slice(0, Math.max(at, 0))), path.slice(at + 1), renamed);
    }
  }

  /** Looks now for what events missed. */
  look(): Promise<void> {
    return this.#reconciler.look();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#rescanTimer);
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([this.#watcher.close(), this.#reconciler.close()]);
    await this.#flushing;
  }

  #onTouched(folder: string, name: string, renamed: boolean): void {
    const { root, workTree } = this.#surroundings.folder();
    if (folder === workTree?.gitDirectory) {
      if (name === 'HEAD' || name === 'index') this.#rescanSoon(`git wrote its ${name}`);
      return;
    }
    if (workTree !== undefined && folder === join(workTree.commonDirectory, 'info')) {
      if (name === 'exclude') this.#rulesChangedSoon();
      return;
    }
    if (name === '.git' || isIgnoreFile(name)) this.#rulesChangedSoon();
    if (name !== '.git') this.#touch(relative(root, join(folder, name)).replaceAll(sep, '/'), renamed);
  }

  #touch(path: string, renamed: boolean): void {
    if (this.#closed || (this.#polling && !this.#told)) return;
    if (this.#touched.size === 0) this.#firstTouch = Date.now();
    this.#touched.set(path, renamed || this.#touched.get(path) === true);
    if (this.#touched.size > mostTouched) {
      this.#touched.clear();
      this.#rescanSoon('too many files changed at once');
      return;
    }
    if (this.#flushing !== undefined) return;
    clearTimeout(this.#flushTimer);
    const wait = Math.min(quiet, Math.max(0, this.#firstTouch + patience - Date.now()));
    this.#flushTimer = setTimeout(() => {
      this.#flushing = this.#flush()
        .catch((error: unknown) => {
          this.#tell(`Some changes could not be looked up (${messageOf(error)}); the folder is listed anew instead.`);
          this.#rescanSoon('changes could not be looked up');
        })
        .finally(() => {
          this.#flushing = undefined;
          const [next] = this.#touched;
          if (next !== undefined) this.#touch(...next);
        });
    }, wait).unref();
  }

  async #flush(): Promise<void> {
    const touched = this.#touched;
    this.#touched = new Map();
    this.#deliver(await this.#lookUp(touched), 'changed on disk');
  }

  /** What happened to these paths, each with whether it may have come, gone or been replaced. */
  async #lookUp(touched: ReadonlyMap<string, boolean>): Promise<FileChange[]> {
    const { known } = this.#surroundings;
    const folder = this.#surroundings.folder();
    const candidates = new Set<string>();
    const missing = new Set<string>();
    for (const [path, renamed] of touched) {
      const found = await lookAt(folder.root, path);
      if (found === undefined) missing.add(path);
      else if (!found.isDirectory()) candidates.add(path);
      else if (renamed && this.#mayEnter(path)) for (const file of await this.#lookInto(path)) candidates.add(file);
    }
    const changes = await this.#judge([...candidates]);
    for (const path of missing) if (known.files.has(path)) changes.push({ path, kind: 'removed' });
    const goneFolders = new Set([...missing].filter((path) => known.folders.has(path)));
    if (goneFolders.size > 0) {
      const alive = new Set(changes.filter(({ kind }) => kind === 'changed').map(({ path }) => path));
      for (const path of known.below(goneFolders)) if (!alive.has(path)) changes.push({ path, kind: 'removed' });
    }
    for (const path of missing) this.#watcher.drop(this.#watcher.watched(join(folder.root, path)));
    return changes;
  }

  /** Reports those of the paths, and of the recent ones, that are not as they were reported last. */
  async #suspect(differing: readonly string[]): Promise<void> {
    const paths = new Set([...differing, ...this.#recent]);
    this.#recent = new Set();
    const before = new Map([...paths].map((path) => [path, this.#reported.get(path) ?? gone]));
    const changes = await this.#lookUp(new Map([...paths].map((path) => [path, false])));
    const missed = changes.filter(({ path, kind }) => {
      const now = kind === 'removed' ? gone : this.#reported.get(path);
      return before.get(path) !== now;
    });
    this.#deliver(missed, 'found by comparing');
  }

  /** Watches a folder that appeared, perhaps in the place of another, and gives its files. */
  async #lookInto(path: string): Promise<string[]> {
    const { root } = this.#surroundings.folder();
    const enters = (inner: string) => this.#mayEnter(inner);
    const looked = Date.now();
    const watch = (folders: readonly string[]) =>
      this.#told || this.#polling ? undefined : this.#watcher.add(folders.map((inner) => join(root, inner)));
    this.#watcher.drop(this.#watcher.watched(join(root, path)));
    const { files, folders } = await walkBelow(root, path, enters);
    await watch(folders);
    this.#later(secondLook, async () => {
      const again = await walkBelow(root, path, enters);
      await watch(again.folders);
      const missed: string[] = [];
      for (const file of again.files) {
        const now = await lookAt(root, file);
        if (now !== undefined && (!this.#surroundings.known.files.has(file) || now.mtimeMs > looked - quiet)) {
          missed.push(file);
        }
      }
      this.#deliver(await this.#judge(missed), 'changed on disk');
    });
    return files;
  }

  /** Absolute folders to watch: all with known files, and all where such may appear; git's own. */
  async #wantedFolders(): Promise<Set<string>> {
    const folder = this.#surroundings.folder();
    if (this.#told) return new Set(gitFolders(folder));
    const { folders } = await walkBelow(folder.root, '', (path) => this.#mayEnter(path));
    const wanted = new Set(folders.map((path) => join(folder.root, path)));
    for (const path of this.#surroundings.known.folders) wanted.add(join(folder.root, path));
    for (const path of gitFolders(folder)) wanted.add(path);
    return wanted;
  }

  async #judge(candidates: string[]): Promise<FileChange[]> {
    if (candidates.length === 0) return [];
    const { known } = this.#surroundings;
    const passing = await filterPaths(this.#surroundings.folder(), candidates, known);
    for (const [path, stamp] of stampsOf(passing)) this.#note(path, stamp);
    const changes: FileChange[] = passing.map(({ path }) => ({ path, kind: 'changed' }));
    const passed = new Set(passing.map(({ path }) => path));
    for (const path of candidates) {
      if (!passed.has(path) && known.files.has(path)) changes.push({ path, kind: 'removed' });
    }
    return changes;
  }

  #deliver(changes: FileChange[], reason: string): void {
    if (this.#closed || changes.length === 0) return;
    for (const change of changes) {
      this.#surroundings.known.note(change);
      if (change.kind === 'removed') this.#note(change.path, gone);
    }
    this.#handlers.onChange(changes, reason);
  }

  #askForListing(reason: string): void {
    this.#reconciler.noteRescan();
    if (!this.#closed) this.#handlers.onRescan(reason);
  }

  #mayEnter(path: string): boolean {
    return (
      path === '' ||
      this.#surroundings.known.folders.has(path) ||
      mayEnter(this.#surroundings.folder(), this.#rules, path)
    );
  }

  #rulesChangedSoon(): void {
    this.#rulesChanged = true;
    this.#rescanSoon('the ignore rules changed');
  }

  #rescanSoon(reason: string): void {
    if (this.#closed) return;
    clearTimeout(this.#rescanTimer);
    this.#rescanTimer = setTimeout(() => {
      this.#rescan(reason).catch((error: unknown) => {
        this.#tell(`The folder cannot be watched by its new rules: ${messageOf(error)}.`);
      });
    }, rescanQuiet).unref();
  }

  async #rescan(reason: string): Promise<void> {
    if (this.#rulesChanged) {
      this.#rulesChanged = false;
      await this.#surroundings.refresh();
      this.#rules = rulesOf(this.#surroundings.folder());
      const wanted = await this.#wantedFolders();
      this.#watcher.drop(this.#watcher.watched().filter((path) => !wanted.has(path)));
      if (!this.#polling) await this.#watcher.add(wanted);
    }
    this.#askForListing(reason);
  }

  #onError(error: Error): void {
    if (this.#closed || this.#polling) return;
    if (!isExhausted(error)) {
      this.#tell(`Changes in some folders may go unnoticed: ${error.message}.`);
      return;
    }
    this.#polling = true;
    this.#tell(
      `The system has no file watches left (${error.message}). Tiercel compares the folder every few seconds instead, ` +
        'in a git work tree by what git says; on Linux, a larger fs.inotify.max_user_watches lets it watch.',
    );
    this.#watcher.close().catch(() => {
      // It has failed already, and that was told.
    });
    this.#askForListing('single changes cannot be watched');
    this.#reconciler.pace = insteadOfEvents;
  }

  #tell(message: string): void {
    if (this.#closed || this.#problems.has(message)) return;
    this.#problems.add(message);
    this.#handlers.onProblem(message);
  }

  #later(milliseconds: number, work: () => void | Promise<void>): void {
    if (this.#closed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      Promise.resolve()
        .then(work)
        .catch((error: unknown) => {
          this.#tell(`Some changes could not be looked up (${messageOf(error)}); the folder is listed anew instead.`);
          this.#rescanSoon('changes could not be looked up');
        });
    }, milliseconds).unref();
    this.#timers.add(timer);
  }
}

/** Git's own folders whose entries say that the set of files may have changed. */
function gitFolders({ workTree }: Folder): string[] {
  return workTree === undefined ? [] : [workTree.gitDirectory, join(workTree.commonDirectory, 'info')];
}

async function lookAt(root: string, path: string): Promise<Stats | undefined> {
  try {
    return await lstat(join(root, path));
  } catch {
    // Gone, or out of reach: either way it is not there for us.
    return undefined;
  }
}
