/**
 * The life of one search box: what is typed becomes requests, debounced, older ones cancelled, and every request ends
 * in something to show.
 */
import { isRetryable } from '../../protocol/errors.ts';
import type { Coverage, SearchResult } from '../../protocol/search.ts';
import { leastCoverage } from './coverage.ts';
import { failureOf, isCancellation, NoAnswer, typedError } from './failure.ts';
import type { Failure } from './failure.ts';
import { interleave } from './hits.ts';
import type { Folder, PlacedHit } from './hits.ts';

/** Where the session sends its requests. */
export interface SearchPort {
  folders: () => readonly Folder[];
  /** Rejects with what the server answered; must give up when `signal` fires. */
  search: (folder: Folder, query: string, limit: number, signal: AbortSignal) => Promise<SearchResult>;
}

export interface FolderFailure extends Failure {
  folder: Folder;
}

/** What the box shows. */
export type SearchView =
  /** Nothing is typed. */
  | { state: 'idle' }
  /** A request is on its way; what was shown before stays. */
  | { state: 'busy'; query: string }
  | {
      state: 'answered';
      query: string;
      hits: PlacedHit[];
      /** False: no folder has anything that fits well; the hits are merely nearest. */
      goodMatch: boolean;
      coverage: Coverage | undefined;
      /** Folders that gave no answer. */
      failures: FolderFailure[];
    };

export interface SearchSessionOptions {
  debounceMs?: number;
  /** A request that takes longer is given up. */
  timeoutMs?: number;
  limit?: number;
}

/** Longest pause before the automatic second attempt when the server is busy. */
const longestRetryMs = 5_000;

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(signal.reason instanceof Error ? signal.reason : new Error('Cancelled.'));
      },
      { once: true },
    );
  });
}

export class SearchSession {
  private readonly port: SearchPort;
  private readonly show: (view: SearchView) => void;
  private readonly debounceMs: number;
  private readonly timeoutMs: number;
  private readonly limit: number;
  private timer: NodeJS.Timeout | undefined;
  private running: AbortController | undefined;

  constructor(port: SearchPort, show: (view: SearchView) => void, options: SearchSessionOptions = {}) {
    this.port = port;
    this.show = show;
    this.debounceMs = options.debounceMs ?? 120;
    this.timeoutMs = options.timeoutMs ?? 20_000;
    this.limit = options.limit ?? 30;
  }

  /** Something was typed: cancels what runs and searches when the typing pauses. */
  type(query: string): void {
    this.cancel();
    if (query.trim() === '') {
      this.show({ state: 'idle' });
      return;
    }
    this.show({ state: 'busy', query });
    this.timer = setTimeout(() => {
      this.start(query);
    }, this.debounceMs);
  }

  /** Searches at once. */
  run(query: string): void {
    this.cancel();
    if (query.trim() === '') {
      this.show({ state: 'idle' });
      return;
    }
    this.show({ state: 'busy', query });
    this.start(query);
  }

  dispose(): void {
    this.cancel();
  }

  private cancel(): void {
    clearTimeout(this.timer);
    this.running?.abort();
    this.running = undefined;
  }

  private start(query: string): void {
    const controller = new AbortController();
    this.running = controller;
    void this.search(query, controller.signal).then((view) => {
      if (!controller.signal.aborted) {
        this.show(view);
      }
    });
  }

  private async search(query: string, signal: AbortSignal): Promise<SearchView> {
    const folders = this.port.folders();
    const answers = await Promise.all(
      folders.map(async (folder) => {
        try {
          return { folder, result: await this.askWithRetry(folder, query, signal) };
        } catch (error) {
          return { folder, error };
        }
      }),
    );
    const results = answers.flatMap(({ folder, result }) => (result === undefined ? [] : [{ folder, result }]));
    const failures = answers.flatMap(({ folder, result, error }) =>
      result === undefined ? [{ ...failureOf(error), folder }] : [],
    );
    return {
      state: 'answered',
      query,
      hits: interleave(
        results.map(({ folder, result }) => result.hits.map((hit) => ({ folder, hit }))),
        this.limit,
      ),
      goodMatch: results.some(({ result }) => result.goodMatch),
      coverage: leastCoverage(results.map(({ result }) => result.coverage)),
      failures,
    };
  }

  /** A server under pressure names the time after which it is worth asking again: that is done once. */
  private async askWithRetry(folder: Folder, query: string, signal: AbortSignal): Promise<SearchResult> {
    try {
      return await this.ask(folder, query, signal);
    } catch (error) {
      const typed = typedError(error);
      if (isRetryable(typed) && !signal.aborted) {
        await delay(Math.min(typed.retryAfterMs ?? this.debounceMs, longestRetryMs), signal);
      } else if (!isCancellation(error) || signal.aborted) {
        throw error;
      }
      return await this.ask(folder, query, signal);
    }
  }

  private async ask(folder: Folder, query: string, outer: AbortSignal): Promise<SearchResult> {
    const inner = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const giveUp = (): void => {
      inner.abort(outer.reason);
    };
    outer.addEventListener('abort', giveUp, { once: true });
    const noAnswer = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new NoAnswer(this.timeoutMs));
        inner.abort();
      }, this.timeoutMs);
    });
    try {
      return await Promise.race([this.port.search(folder, query, this.limit, inner.signal), noAnswer]);
    } finally {
      clearTimeout(timer);
      outer.removeEventListener('abort', giveUp);
    }
  }
}
