/** The place of one folder in the host: opens it when first needed, closes and reopens it when its settings change. */
import type { IndexProgress } from '../../../protocol/status.ts';
import type { ResolvedSettings } from '../settings/index.ts';
import { Documents } from '../workspace/documents.ts';
import type { Touch } from '../workspace/types.ts';
import type { Folder } from './folder.ts';

const retryAfterMs = 30_000;

/** An open folder and how to give back what it was opened with. */
export interface OpenedFolder {
  folder: Folder;
  release: () => Promise<void>;
}

/** What a folder is opened with, besides the settings. */
export interface Editors {
  documents: Documents;
  /** A client tells what happens in the folder. */
  told: boolean;
}

export class FolderSlot {
  readonly root: string;
  readonly indexPath: string;
  leases = 0;
  lingering: NodeJS.Timeout | undefined;
  readonly #open: (settings: ResolvedSettings, editors: Editors) => Promise<OpenedFolder>;
  /** Takes the errors of work that nobody waits for. */
  readonly #report: (error: unknown) => void;
  readonly #listeners = new Set<(progress: IndexProgress) => void>();
  readonly #documents = new Documents();
  /** Clients that tell what happens in the folder. */
  readonly #tellers = new Set<object>();
  #settings: ResolvedSettings;
  #opened: Promise<OpenedFolder> | undefined;
  /** The last close: until it is over the folder is not opened again, as both would write what is kept of it. */
  #closed: Promise<void>;
  #following = false;
  #retry: NodeJS.Timeout | undefined;

  /** @param closed the close of the folder's slot before this one */
  constructor(
    root: string,
    indexPath: string,
    settings: ResolvedSettings,
    open: (settings: ResolvedSettings, editors: Editors) => Promise<OpenedFolder>,
    report: (error: unknown) => void,
    closed: Promise<void> = Promise.resolve(),
  ) {
    this.#report = report;
    this.#closed = closed;
    this.root = root;
    this.indexPath = indexPath;
    this.#settings = settings;
    this.#open = open;
  }

  /** A folder that failed to open is tried afresh by the next call. */
  async folder(): Promise<Folder> {
    const opened = (this.#opened ??= this.#openNow());
    try {
      return (await opened).folder;
    } catch (error) {
      // It may have been closed and opened again meanwhile.
      if (this.#opened === opened) this.#opened = undefined;
      throw error;
    }
  }

  /**
   * Like {@link folder}, but opened anew if its work failed: what refused (a full disk, say) may have been mended, and a
   * store that failed within a commit takes no other until it is opened again.
   */
  async recovered(): Promise<Folder> {
    const folder = await this.folder();
    if (!folder.failed) return folder;
    await this.closeFolder();
    await this.reopen();
    return this.folder();
  }

  /** Work that waits for memory is tried at once. */
  async budgetChanged(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    opened?.folder.budgetChanged();
  }

  onProgress(listener: (progress: IndexProgress) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async follow(): Promise<void> {
    this.#following = true;
    await (await this.folder()).follow();
  }

  /**
   * An editor of this client has the text for the file, or none any more. Nothing comes of it in a folder that is not
   * followed. Never rejects.
   */
  async edited(client: object, path: string, text: string | undefined, saved: boolean): Promise<void> {
    const opened = this.#following ? await this.#opened?.catch(() => undefined) : undefined;
    if (opened === undefined && text === undefined) this.#documents.close(client, path);
    await opened?.folder.edited(client, path, text, saved);
  }

  /** The client tells what happens in the folder from now on, or no longer does. */
  async setTeller(client: object, tells: boolean): Promise<void> {
    const before = this.#tellers.size > 0;
    if (tells) this.#tellers.add(client);
    else this.#tellers.delete(client);
    const told = this.#tellers.size > 0;
    if (told === before) return;
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.folder.setTold(told);
  }

  async tell(touches: readonly Touch[]): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    opened?.folder.tell(touches);
  }

  /** The client is gone, and what it had open with it. */
  async forget(client: object): Promise<void> {
    const open = this.#documents.of(client);
    await Promise.all(open.map((path) => this.edited(client, path, undefined, false)));
    await this.setTeller(client, false);
  }

  /** Takes other settings: those that change what is indexed reopen the folder. */
  async configure(settings: ResolvedSettings): Promise<void> {
    const before = indexingSettings(this.#settings);
    this.#settings = settings;
    if (indexingSettings(settings) === before || this.#opened === undefined) return;
    await this.closeFolder();
    if (this.#following) await this.follow();
  }

  /** Opens the folder again if it was followed. */
  async reopen(): Promise<void> {
    if (this.#following) await this.follow();
  }

  /** Resolves when nothing of it is open any more, whoever closed it. */
  closeFolder(): Promise<void> {
    clearTimeout(this.#retry);
    const opened = this.#opened;
    this.#opened = undefined;
    const before = this.#closed.catch(() => undefined);
    this.#closed = before.then(() => this.#close(opened));
    return this.#closed;
  }

  async #close(opened: Promise<OpenedFolder> | undefined): Promise<void> {
    // A folder that could not be opened has nothing to close; whoever asked for it got the error.
    const { folder, release } = (await opened?.catch(() => undefined)) ?? {};
    await folder?.close();
    await release?.();
  }

  /** Work that failed in a folder that is followed is tried again by itself: nobody may be looking at the status. */
  #retryLater(): void {
    if (!this.#following) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.recovered().catch((error: unknown) => {
        this.#report(error);
        this.#retryLater();
      });
    }, retryAfterMs).unref();
  }

  async #openNow(): Promise<OpenedFolder> {
    // What went wrong there was told to whoever closed it.
    await this.#closed.catch(() => undefined);
    const opened = await this.#open(this.#settings, { documents: this.#documents, told: this.#tellers.size > 0 });
    opened.folder.onProgress((progress) => {
      if (progress.phase === 'failed') this.#retryLater();
      for (const listener of this.#listeners) listener(progress);
    });
    return opened;
  }
}

function indexingSettings(settings: ResolvedSettings): string {
  return JSON.stringify([settings.exclude, settings.maxFileBytes, settings.deep, settings.inference, settings.gpu]);
}
