/** A model in a process of its own, which a driver fault or a full memory may end: started when needed, replaced, ended when idle. */
import { cancelled, errorCodes, TiercelError } from '../../../protocol/errors.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { lowerPriority } from '../processes/priority.ts';
import { InferenceChild } from './child.ts';
import type { EmbedRequest, InferenceReply, OpenedReply, OpenRequest, RerankRequest } from './messages.ts';

export interface SupervisedOptions {
  command: ProcessCommand;
  /** Asked at every start: what is known of the device may have grown. */
  open: () => Omit<OpenRequest, 'kind' | 'id'>;
  /** A process without work ends after this time. */
  idleMs: number;
  /** Below other programs (and our own questions): the process may be slow, nothing else may. */
  background: boolean;
  onOpened?: (opened: OpenedReply) => void;
  onCeiling?: (tokens: number) => void;
}

export type Work = Omit<EmbedRequest, 'id'> | Omit<RerankRequest, 'id'>;
export type Answer = Extract<InferenceReply, { kind: 'vectors' | 'scores' }>;

interface Pending {
  work: Work;
  tries: number;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

interface Loading {
  promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

/** A request whose process ended gets another so often; what ends that many is not tried again. */
const triesPerRequest = 4;
/** Added to our own, as `nice` counts; Windows takes it for "below normal". */
const backgroundPriority = 10;
/** The id of `open`; requests count from 1. */
const openId = 0;

/**
 * Requests under way when a process crashes are given to the next one. `request` rejects with `Report` when several
 * processes ended under the same request, with `InstallWhatIsMissing` when the model cannot be opened, with `Cancelled`
 * on signal.
 */
export class SupervisedModel {
  readonly #options: SupervisedOptions;
  readonly #pending = new Map<number, Pending>();
  /** Processes that were told to end and have not yet. */
  readonly #ending = new Set<Promise<void>>();
  #child: InferenceChild | undefined;
  #loading: Loading | undefined;
  #loaded = false;
  #failure: string | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #lastId = openId;
  #closed = false;

  constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  /** The process, when one is alive. */
  get processId(): number | undefined {
    return this.#child?.processId;
  }

  /** The model is in memory: a request is answered without a start. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Why the model could not be brought into memory, until it is. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Starts the process if there is none. Resolves when the model is in memory. */
  load(): Promise<void> {
    if (this.#loaded) return Promise.resolve();
    if (this.#closed) return Promise.reject(closedError());
    this.#child ??= this.#start();
    const loading = (this.#loading ??= newLoading());
    return loading.promise;
  }

  async request(work: Work, signal?: AbortSignal): Promise<Answer> {
    if (signal?.aborted === true) throw cancelled();
    if (this.#closed) throw closedError();
    const id = ++this.#lastId;
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#pending.set(id, { work, tries: 0, resolve, reject });
    });
    const onAbort = (): void => {
      this.#child?.send({ kind: 'cancel', id });
      this.#take(id)?.reject(cancelled());
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#submit(id);
    try {
      return await answer;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the process; what is under way is cancelled. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(cancelled());
    this.#retire();
    await Promise.all(this.#ending);
  }

  #submit(id: number): void {
    const request = this.#pending.get(id);
    if (request === undefined) return;
    clearTimeout(this.#idleTimer);
    request.tries++;
    this.#child ??= this.#start();
    this.#child.send({ ...request.work, id });
  }

  #start(): InferenceChild {
    const child: InferenceChild = new InferenceChild(this.#options.command, {
      onReply: (reply) => {
        if (this.#child === child) this.#onReply(reply);
      },
      onEnd: (reason) => {
        if (this.#child === child) this.#onEnd(reason);
      },
    });
    if (this.#options.background && child.processId !== undefined) lowerPriority(child.processId, backgroundPriority);
    child.send({ ...this.#options.open(), kind: 'open', id: openId });
    return child;
  }

  #onReply(reply: InferenceReply): void {
    switch (reply.kind) {
      case 'opened':
        this.#loaded = true;
        this.#failure = undefined;
        this.#loading?.resolve();
        this.#loading = undefined;
        this.#options.onOpened?.(reply);
        if (this.#pending.size === 0) this.#waitIdle();
        return;
      case 'ceiling':
        this.#options.onCeiling?.(reply.tokens);
        return;
      case 'vectors':
      case 'scores':
        this.#take(reply.id)?.resolve(reply);
        return;
      case 'failed': {
        const error = new TiercelError(reply.code, reply.message);
        if (reply.id === openId) {
          // Without a model nothing can be answered, by this process or another.
          this.#failure = error.message;
          this.#retire(error);
          for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
        } else {
          this.#take(reply.id)?.reject(error);
        }
      }
    }
  }

  #onEnd(reason: string): void {
    this.#child = undefined;
    this.#loaded = false;
    for (const [id, { tries }] of [...this.#pending]) {
      if (tries < triesPerRequest) {
        this.#submit(id);
      } else {
        const message = `The inference process ended ${tries} times under the same texts (the last: ${reason}).`;
        this.#take(id)?.reject(new TiercelError(errorCodes.report, message));
      }
    }
    if (this.#pending.size > 0) return;
    const error = new TiercelError(errorCodes.report, `The inference process ${reason}.`);
    if (this.#loading !== undefined) this.#failure = error.message;
    this.#loading?.reject(error);
    this.#loading = undefined;
  }

  /** Takes a request out; the process is ended when there is no other for some time. */
  #take(id: number): Pending | undefined {
    const request = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#waitIdle();
    return request;
  }

  #waitIdle(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      this.#retire();
    }, this.#options.idleMs).unref();
  }

  /** Ends the process, which is no crash. */
  #retire(error: Error = closedError()): void {
    clearTimeout(this.#idleTimer);
    this.#loading?.reject(error);
    this.#loading = undefined;
    this.#loaded = false;
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = child.close().finally(() => {
      this.#ending.delete(ended);
    });
    this.#ending.add(ended);
  }
}

function newLoading(): Loading {
  let resolve: (() => void) | undefined;
  let reject: ((error: Error) => void) | undefined;
  const promise = new Promise<void>((onLoaded, onFailed) => {
    resolve = onLoaded;
    reject = onFailed;
  });
  // Whoever loads ahead of need does not wait; whoever needs the model gets the error with the request.
  promise.catch(() => undefined);
  return { promise, resolve: () => resolve?.(), reject: (error) => reject?.(error) };
}

function closedError(): TiercelError {
  return new TiercelError(errorCodes.report, 'The model is closed.');
}
