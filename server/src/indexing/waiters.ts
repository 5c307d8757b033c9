/** Those who wait until the work of a folder is complete. */
import { cancelled } from '../../../protocol/errors.ts';
import type { Waiting } from './patience.ts';

/** What one stretch of work did, from the last time nothing was left to do. */
export interface WorkDone {
  filesChanged: number;
  embedded: number;
}

interface Waiter {
  deep: boolean;
  patienceMs: number;
  done: (work: WorkDone) => void;
  fail: (error: unknown) => void;
}

/** How often those with little patience are looked after. */
const impatienceMs = 250;

export class Waiters {
  readonly #waiters = new Set<Waiter>();
  readonly #waiting: () => Waiting | undefined;

  /** @param waiting why the work stands still at the moment, if it does */
  constructor(waiting: () => Waiting | undefined) {
    this.#waiting = waiting;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /**
   * @param deep whether the deep lane is waited for as well
   * @param patienceMs how long the work may wait for memory
   * @throws what {@link fail} was told; `MemoryPressure` when patience is over; `Cancelled` on signal
   */
  async join(deep: boolean, signal: AbortSignal, patienceMs: number): Promise<WorkDone> {
    if (signal.aborted) throw cancelled();
    const { promise, resolve, reject } = deferred<WorkDone>();
    const waiter: Waiter = { deep, patienceMs, done: resolve, fail: reject };
    const leave = (error: unknown): void => {
      this.#waiters.delete(waiter);
      reject(error);
    };
    const onAbort = (): void => {
      leave(cancelled());
    };
    const look = (): void => {
      const waiting = this.#waiting();
      if (waiting !== undefined && performance.now() - waiting.since >= patienceMs) leave(waiting.error);
    };
    this.#waiters.add(waiter);
    signal.addEventListener('abort', onAbort, { once: true });
    const watch = Number.isFinite(patienceMs) ? setInterval(look, impatienceMs) : undefined;
    try {
      return await promise;
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** The work is complete: for all, or for those who do not wait for the deep lane. */
  done(work: WorkDone, deepToo: boolean): void {
    this.#settle(
      ({ deep }) => deepToo || !deep,
      (waiter) => {
        waiter.done(work);
      },
    );
  }

  /** The work ended without being complete. */
  fail(error: unknown): void {
    this.#settle(
      () => true,
      (waiter) => {
        waiter.fail(error);
      },
    );
  }

  /** The deep lane cannot be completed. */
  failDeep(error: unknown): void {
    this.#settle(
      ({ deep }) => deep,
      (waiter) => {
        waiter.fail(error);
      },
    );
  }

  #settle(concerned: (waiter: Waiter) => boolean, tell: (waiter: Waiter) => void): void {
    for (const waiter of [...this.#waiters].filter(concerned)) {
      this.#waiters.delete(waiter);
      tell(waiter);
    }
  }
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((onDone, onFail) => {
    resolve = onDone;
    reject = onFail;
  });
  return { promise, resolve, reject };
}
