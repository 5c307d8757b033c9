/** Open stores by folder on disk: the trees of one repository share one store. */
import { setTimeout as delay } from 'node:timers/promises';
import { TiercelError, errorCodes } from '../../../protocol/errors.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import type { OpenOptions, SpaceSpec, RankedStore } from '../store/types.ts';

const patienceMs = 8000;
const retryMs = 250;

export interface StoreLease {
  store: RankedStore;
  /** The last lease closes the store. */
  release: () => Promise<void>;
}

interface OpenStore {
  store: Promise<RankedStore>;
  /** Names of the spaces it was opened with. */
  spaces: ReadonlySet<string>;
  leases: number;
}

export class StoreRegistry {
  readonly #open = new Map<string, OpenStore>();
  /** Stores that are being closed: opening one again waits, since its files are locked until then. */
  readonly #closing = new Map<string, Promise<void>>();

  /** @param keep names of spaces that stay beside these; all others go, if the store is not open already */
  async lease(directory: string, spaces: SpaceSpec[], keep?: string[]): Promise<StoreLease> {
    await this.#closing.get(directory);
    let entry = await this.#withSpaces(directory, spaces);
    if (entry === undefined) {
      entry = { store: openPatiently({ directory, spaces, keep }), spaces: namesOf(spaces), leases: 0 };
      this.#open.set(directory, entry);
    }
    entry.leases += 1;
    const { store } = entry;
    const held = entry;
    let leased = true;
    const release = async (): Promise<void> => {
      if (!leased) return;
      leased = false;
      await this.#released(directory, held);
    };
    try {
      return { store: await store, release };
    } catch (error) {
      held.leases -= 1;
      if (this.#open.get(directory) === held) this.#open.delete(directory);
      throw error;
    }
  }

  /**
   * The store if it is open. One that was opened for other models is waited for: a change of settings reaches the work
   * trees of a repository one after the other.
   */
  async #withSpaces(directory: string, spaces: SpaceSpec[]): Promise<OpenStore | undefined> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const entry = this.#open.get(directory);
      if (entry === undefined || spaces.every(({ name }) => entry.spaces.has(name))) return entry;
      if (performance.now() > deadline) {
        throw new TiercelError(
          errorCodes.retryLater,
          'Another window has this repository open with another model (tiercel.inference.model). Use the same in both.',
          { retryAfterMs: 30_000 },
        );
      }
      await delay(retryMs);
      await this.#closing.get(directory);
    }
  }

  async #released(directory: string, entry: OpenStore): Promise<void> {
    entry.leases -= 1;
    if (entry.leases > 0) return;
    this.#open.delete(directory);
    const closing = entry.store.then((store) => store.close());
    this.#closing.set(directory, closing);
    try {
      await closing;
    } finally {
      this.#closing.delete(directory);
    }
  }
}

function namesOf(spaces: readonly SpaceSpec[]): ReadonlySet<string> {
  return new Set(spaces.map(({ name }) => name));
}

/** A store that another process holds is tried for a while: a server of the build before this one ends within seconds. */
async function openPatiently(options: OpenOptions): Promise<RankedStore> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await openEmbeddedStore(options);
    } catch (error) {
      const busy = error instanceof TiercelError && error.code === errorCodes.retryLater;
      if (!busy || performance.now() > deadline) throw error;
      await delay(error.retryAfterMs ?? retryMs);
    }
  }
}
