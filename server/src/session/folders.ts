/** The folders one client uses: leased while it is connected, followed when they are its workspace folders. */
import { fileURLToPath } from 'node:url';
import type { IndexProgress } from '../../../protocol/status.ts';
import type { Host, Lease } from '../host/host.ts';
import type { Folder } from '../host/folder.ts';
import type { FolderSlot } from '../host/slot.ts';
import type { ResolvedSettings } from '../settings/index.ts';

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
  #settings: ResolvedSettings;

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

  async rebuild(pathOrUri: string): Promise<void> {
    await this.#host.rebuild(toPath(pathOrUri));
  }

  async release(pathOrUri: string): Promise<void> {
    const path = toPath(pathOrUri);
    const held = this.#held.get(path);
    this.#held.delete(path);
    if (held === undefined) return;
    const { lease, stopProgress } = await held;
    stopProgress();
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

/** Folders are named by path or by `file:` URI. */
export function toPath(pathOrUri: string): string {
  return pathOrUri.startsWith('file:') ? fileURLToPath(pathOrUri) : pathOrUri;
}
