/** The folders one client uses: leased while it is connected, followed when they are its workspace folders. */
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IndexProgress } from '../../../protocol/status.ts';
import type { Host, Lease } from '../host/host.ts';
import type { Folder } from '../host/folder.ts';
import type { FolderSlot } from '../host/slot.ts';
import type { ResolvedSettings } from '../settings/index.ts';
import type { Touch } from '../workspace/types.ts';

/** At most one progress notification per folder in this time; a change of phase or of what it waits for is always sent. */
const progressIntervalMs = 100;

interface Held {
  lease: Lease;
  stopProgress: () => void;
}

export class SessionFolders {
  readonly #host: Host;
  readonly #notify: (progress: IndexProgress) => void;
  readonly #held = new Map<string, Promise<Held>>();
  /** Folders that are followed for this client. */
  readonly #followed = new Set<string>();
  #settings: ResolvedSettings;
  #tells = false;

  constructor(host: Host, settings: ResolvedSettings, notify: (progress: IndexProgress) => void) {
    this.#host = host;
    this.#settings = settings;
    this.#notify = notify;
  }

  async folder(pathOrUri: string, create = false): Promise<Folder> {
    return (await this.slot(pathOrUri, create)).folder();
  }

  async slot(pathOrUri: string, create = false): Promise<FolderSlot> {
    const path = toPath(pathOrUri);
    let held = this.#held.get(path);
    if (held === undefined) {
      held = this.#lease(path, create);
      this.#held.set(path, held);
      held.catch(() => this.#held.delete(path));
    }
    return (await held).lease.slot;
  }

  /** Indexes and watches the folder from now on, until it is released. */
  async follow(pathOrUri: string): Promise<void> {
    const path = toPath(pathOrUri);
    this.#followed.add(path);
    const slot = await this.slot(path, true);
    if (this.#tells) await slot.setTeller(this, true);
    // Released again while it was opened.
    if (this.#followed.has(path)) await slot.follow();
  }

  /** The client tells what happens in the folders it has open ({@link touched}), or does not after all. */
  async setTells(tells: boolean): Promise<void> {
    this.#tells = tells;
    const slots = [...this.#followed].map((path) => this.slot(path, true));
    await Promise.all(slots.map(async (slot) => (await slot).setTeller(this, tells)));
  }

  /** What the client says has happened to files and folders, by path. */
  touched(touches: readonly Touch[]): void {
    for (const folder of this.#followed) {
      const inside = touches.flatMap(({ path, renamed }) => {
        const below = inFolder(folder, path);
        return below === undefined ? [] : [{ path: below, renamed }];
      });
      if (inside.length > 0) void this.slot(folder, true).then((slot) => slot.tell(inside));
    }
  }

  /**
   * An editor of the client has this text for the file, or none any more.
   *
   * @param saved the text was written to the disk just now
   */
  edited(file: string, text: string | undefined, saved: boolean): void {
    for (const folder of this.#followed) {
      const path = inFolder(folder, file);
      if (path !== undefined) void this.slot(folder, true).then((slot) => slot.edited(this, path, text, saved));
    }
  }

  async rebuild(pathOrUri: string): Promise<void> {
    await this.#host.rebuild(toPath(pathOrUri));
  }

  async release(pathOrUri: string): Promise<void> {
    const path = toPath(pathOrUri);
    const held = this.#held.get(path);
    this.#held.delete(path);
    this.#followed.delete(path);
    if (held === undefined) return;
    const { lease, stopProgress } = await held;
    stopProgress();
    await lease.slot.forget(this);
    lease.release();
  }

  async configure(settings: ResolvedSettings): Promise<void> {
    this.#settings = settings;
    await Promise.all([...this.#held.values()].map(async (held) => (await held).lease.slot.configure(settings)));
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#held.keys()].map((path) => this.release(path)));
  }

  async #lease(path: string, create: boolean): Promise<Held> {
    const lease = await this.#host.lease(path, { settings: this.#settings, create });
    return { lease, stopProgress: lease.slot.onProgress(this.#throttled()) };
  }

  #throttled(): (progress: IndexProgress) => void {
    let lastAt = Number.NEGATIVE_INFINITY;
    let lastState: string | undefined;
    return (progress) => {
      const now = performance.now();
      const state = `${progress.phase} ${progress.waiting ?? ''}`;
      if (state === lastState && now - lastAt < progressIntervalMs) return;
      lastAt = now;
      lastState = state;
      this.#notify(progress);
    };
  }
}

/** Relative to the folder, with `/`; undefined for what lies elsewhere. */
function inFolder(folder: string, file: string): string | undefined {
  const inside = relative(folder, file);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || /^[A-Za-z]:/.test(inside)) return undefined;
  return inside.split(sep).join('/');
}

/** Folders are named by path or by `file:` URI. */
export function toPath(pathOrUri: string): string {
  return pathOrUri.startsWith('file:') ? fileURLToPath(pathOrUri) : pathOrUri;
}
