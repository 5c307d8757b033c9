/** One folder on disk, seen through git and the ignore rules. */
import { realpath, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { cancelled, errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';
import { ChangeFeed, type Handlers } from './changes.ts';
import { overlaid, readContent, readText, stampOverlay } from './content.ts';
import { GitFailure } from './git.ts';
import { KnownFiles, stampsOf, type Stamps } from './known.ts';
import { describeFolder, filterPaths, listFolder, type Folder, type Listing } from './listing.ts';
import type { Pace } from './reconcile.ts';
import { lineRange } from './text.ts';
import type { FileContent, FileEntry, Touch, Workspace, WorkspaceOptions } from './types.ts';
import type { Watch } from './watcher.ts';

/** What tests set: how chokidar is started, and how often is looked for what events missed. */
export interface WatchOptions {
  watch?: Watch;
  pace?: Pace;
}

/**
 * @throws TiercelError `FixTheCall` when the folder is not there, `FixTheMachine` when it cannot be entered
 */
export async function openWorkspace(options: WorkspaceOptions): Promise<Workspace> {
  return FolderWorkspace.open(options);
}

export class FolderWorkspace implements Workspace {
  readonly root: string;
  readonly #options: WorkspaceOptions;
  readonly #known = new KnownFiles();
  readonly #closing = new AbortController();
  #folder: Folder;
  #feed: ChangeFeed | undefined;
  #handlers: Handlers | undefined;
  #gitRefusal: string | undefined;
  /** Of the last listing, until changes are watched. */
  #stamps: Stamps | undefined;
  #listing: Promise<FileEntry[]> | undefined;
  #told: boolean;

  private constructor(options: WorkspaceOptions, folder: Folder) {
    this.root = folder.root;
    this.#options = options;
    this.#folder = folder;
    this.#told = options.told ?? false;
  }

  static async open(options: WorkspaceOptions): Promise<FolderWorkspace> {
    const root = await existingFolder(options.root);
    return new FolderWorkspace(options, await describeFolder(root, options.exclude));
  }

  async list(signal?: AbortSignal): Promise<FileEntry[]> {
    const either = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    if (either.aborted) throw cancelled();
    const listing = this.#listNow(either);
    this.#listing = listing;
    return listing;
  }

  async read(path: string): Promise<FileContent> {
    const { overlay, maxFileBytes } = this.#options;
    const inside = checked(path);
    const text = overlay?.text(inside);
    return text === undefined
      ? readContent(this.root, inside, maxFileBytes)
      : overlaid(this.root, inside, text, maxFileBytes);
  }

  async lines(path: string, start: number, end: number): Promise<string[]> {
    const text = this.#options.overlay?.text(path) ?? (await this.savedText(path));
    return text === undefined ? [] : lineRange(text, start, end);
  }

  async savedText(path: string): Promise<string | undefined> {
    return readText(this.root, checked(path), this.#options.maxFileBytes);
  }

  async admits(path: string): Promise<boolean> {
    return (await filterPaths(this.#folder, [checked(path)], this.#known)).length > 0;
  }

  /** @param options given by tests */
  async watch(handlers: Handlers, options: WatchOptions = {}): Promise<void> {
    this.#mustBeOpen();
    if (this.#feed !== undefined) throw new TiercelError(errorCodes.report, 'This workspace is watched already.');
    this.#handlers = handlers;
    const before = this.#stamps ?? stampsOf(await this.#earlierListing());
    this.#mustBeOpen();
    this.#feed = new ChangeFeed(
      {
        known: this.#known,
        folder: () => this.#folder,
        refresh: () => this.#refresh(),
        list: () => this.list(),
      },
      handlers,
      { ...options, told: this.#told },
    );
    if (this.#gitRefusal !== undefined) handlers.onProblem(this.#gitRefusal);
    this.#stamps = undefined;
    await this.#feed.start(before);
  }

  async setTold(told: boolean): Promise<void> {
    this.#told = told;
    await this.#feed?.setTold(told);
  }

  tell(touches: readonly Touch[]): void {
    this.#feed?.tell(touches);
  }

  async look(): Promise<void> {
    await this.#feed?.look();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#feed?.close();
  }

  #mustBeOpen(): void {
    if (this.#closing.signal.aborted) throw cancelled();
  }

  async #listNow(signal: AbortSignal): Promise<FileEntry[]> {
    await this.#refresh();
    const { entries } = await this.#known.replaceBy(() => this.#listOrWalk(signal));
    const { overlay } = this.#options;
    const listed = overlay === undefined ? entries : entries.map((entry) => stampOverlay(entry, overlay));
    if (this.#feed === undefined) this.#stamps = stampsOf(listed);
    else this.#feed.listed(entries);
    return listed;
  }

  /** One that somebody else is making is as good: what changes meanwhile is found when the watch stands. */
  async #earlierListing(): Promise<FileEntry[]> {
    return (await this.#listing?.catch(() => undefined)) ?? this.list();
  }

  async #refresh(): Promise<void> {
    this.#folder = await describeFolder(await existingFolder(this.root), this.#options.exclude);
  }

  async #listOrWalk(signal: AbortSignal): Promise<Listing> {
    try {
      return await listFolder(this.#folder, signal);
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      const refusal = `git could not list the files (${error.message}); they come from a walk that honours .gitignore instead.`;
      if (this.#gitRefusal !== refusal) this.#handlers?.onProblem(refusal);
      this.#gitRefusal = refusal;
      this.#folder = { ...this.#folder, workTree: undefined };
      return listFolder(this.#folder, signal);
    }
  }
}

async function existingFolder(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    if (!missing) {
      throw new TiercelError(errorCodes.fixTheMachine, `The folder ${path} cannot be opened: ${messageOf(error)}.`, {
        cause: error,
      });
    }
  }
  throw new TiercelError(errorCodes.fixTheCall, `There is no folder ${path}. Name an existing folder.`);
}

/** Paths come from clients: none may lead out of the folder. */
function checked(path: string): string {
  if (isAbsolute(path) || path.split('/').includes('..')) {
    throw new TiercelError(errorCodes.fixTheCall, `${path} is not a path inside the folder.`);
  }
  return path;
}
