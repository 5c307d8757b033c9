/** How prepared work enters the store: in order, one commit at a time, and patiently when memory is short. */
import { setTimeout as delay } from 'node:timers/promises';
import { cancelled, isRetryable, type TiercelError } from '../../../protocol/errors.ts';
import type { CommitBatch, VectorStore } from '../store/types.ts';
import type { Batch } from './batch.ts';

/** Batches that wait behind the one that is being committed. */
const maxWaiting = 1;
const defaultRetryMs = 1000;

/** Full batches on their way into the store. Readers ask for {@link room} first, so that a slow store slows them. */
export class CommitQueue {
  readonly #commit: (batch: Batch) => Promise<void>;
  readonly #unfinished: { batch: Batch; done: Promise<void> }[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(commit: (batch: Batch) => Promise<void>) {
    this.#commit = commit;
  }

  add(batch: Batch): void {
    const done = this.#last.then(() => this.#commit(batch));
    this.#last = done;
    this.#unfinished.push({ batch, done });
    // One that failed stays first in line: whoever asks for room or waits for the end gets its error.
    done.then(
      () => this.#unfinished.shift(),
      () => undefined,
    );
  }

  /** Resolves when another file may be read. @throws what a commit failed with */
  async room(): Promise<void> {
    while (this.#unfinished.length > maxWaiting) await this.#unfinished[0]?.done;
  }

  /** Whether a batch that is not committed yet has news of this path. */
  holds(path: string): boolean {
    return this.#unfinished.some(({ batch }) => batch.has(path));
  }

  /** Resolves when all batches are committed. @throws what a commit failed with */
  finished(): Promise<void> {
    return this.#last;
  }
}

export interface PatienceHooks {
  /** Before each wait, with the reason. */
  onWait: (error: TiercelError) => void;
  /** Fires when it is worth trying sooner than the store said. */
  nudge: () => AbortSignal;
  /** Done before each wait: work that the store takes all the same. */
  meanwhile?: () => Promise<void>;
}

/**
 * Commits. When the store asks for patience (memory or disk is short) waits as long as it says and tries the same batch
 * again, until it takes it. What the batch removes does not wait for what it adds: it is what makes room.
 *
 * @throws TiercelError `Cancelled` within milliseconds after `signal` fires
 */
export async function commitPatiently(
  store: VectorStore,
  batch: CommitBatch,
  signal: AbortSignal,
  { onWait, nudge, meanwhile }: PatienceHooks,
): Promise<void> {
  let rest = batch;
  for (;;) {
    if (signal.aborted) throw cancelled();
    // Asked for before the attempt: what changes during it counts as well.
    const sooner = nudge();
    try {
      await store.commit(rest);
      return;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      if (rest.remove.length > 0) {
        await store.commit({ ...rest, put: [], vectors: [] });
        rest = { ...rest, remove: [] };
        continue;
      }
      onWait(error);
      await meanwhile?.();
      await delay(error.retryAfterMs ?? defaultRetryMs, undefined, { signal: AbortSignal.any([signal, sooner]) }).catch(
        () => undefined,
      );
    }
  }
}
