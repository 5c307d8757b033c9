/** The deep lane: the transformer in a process of its own, which a driver fault or a full memory may end. */
import { availableParallelism } from 'node:os';
import { cancelled, errorCodes, TiercelError } from '../../../protocol/errors.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { InferenceChild } from './child.ts';
import { deepModel, requireModelFiles } from './deep-model.ts';
import type { ExecutionProvider, InferenceReply } from './messages.ts';
import { probeDeep } from './probe.ts';
import type { Embedder, TextRole } from './types.ts';

export { deepModel } from './deep-model.ts';
export { probeDeep, type DeepProbe, type ProbeOptions } from './probe.ts';

export interface DeepEmbedderOptions {
  /** Folder of the model's files. */
  modelDir: string;
  /** Starts a process that runs `runInferenceProcess`. */
  command: ProcessCommand;
  /** `auto`: a GPU that passes the self-test, or nothing; `on`: the CPU otherwise. */
  mode: 'auto' | 'on';
  /** Threads on the CPU; default: one less than the cores, one to four. */
  threads?: number;
  /** A process without work ends after this time, default 60,000. */
  idleMs?: number;
}

export interface DeepEmbedder extends Embedder {
  /** The inference process, when one is alive. */
  readonly processId: number | undefined;
}

/** A request whose process ended gets a second one; what ends two is not tried again. */
const triesPerRequest = 2;
const mostThreads = 4;
const defaultIdleMs = 60_000;

/**
 * Opens the deep lane. The process starts with the first texts, ends when idle and is replaced when it crashed: requests
 * under way are then given to the next one, once.
 *
 * @throws TiercelError `InstallWhatIsMissing` when a model file is absent, or when `auto` finds no GPU (the message says
 * why). `embed` rejects with `Report` when two processes ended under the same request.
 */
export async function openDeepEmbedder(options: DeepEmbedderOptions): Promise<DeepEmbedder> {
  await requireModelFiles(options.modelDir);
  const probe = await probeDeep(options);
  if (!probe.available && options.mode === 'auto') {
    throw new TiercelError(errorCodes.installWhatIsMissing, probe.reason);
  }
  return new ProcessEmbedder(options, probe.available ? 'webgpu' : 'cpu');
}

interface Pending {
  id: number;
  texts: readonly string[];
  role: TextRole;
  tries: number;
  resolve(vectors: Float32Array): void;
  reject(error: Error): void;
}

class ProcessEmbedder implements DeepEmbedder {
  readonly model = deepModel;
  readonly device: ExecutionProvider;
  readonly #options: DeepEmbedderOptions;
  readonly #pending = new Map<number, Pending>();
  /** Processes that were told to end and have not yet. */
  readonly #ending = new Set<Promise<void>>();
  #child: InferenceChild | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #lastId = 0;
  #closed = false;

  constructor(options: DeepEmbedderOptions, provider: ExecutionProvider) {
    this.#options = options;
    this.device = provider;
  }

  get processId(): number | undefined {
    return this.#child?.processId;
  }

  async embed(texts: readonly string[], role: TextRole, signal?: AbortSignal): Promise<Float32Array> {
    if (signal?.aborted === true) throw cancelled();
    if (this.#closed) throw new TiercelError(errorCodes.report, 'The deep lane is closed.');
    if (texts.length === 0) return new Float32Array(0);
    const id = ++this.#lastId;
    const vectors = new Promise<Float32Array>((resolve, reject) => {
      this.#pending.set(id, { id, texts, role, tries: 0, resolve, reject });
    });
    const onAbort = (): void => {
      this.#child?.send({ kind: 'cancel', id });
      this.#take(id)?.reject(cancelled());
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#submit(id);
    try {
      return await vectors;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

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
    this.#child.send({ kind: 'embed', id, role: request.role, texts: [...request.texts] });
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
    child.send({
      kind: 'open',
      id: 0,
      modelDir: this.#options.modelDir,
      provider: this.device,
      threads: this.#options.threads ?? Math.min(mostThreads, Math.max(1, availableParallelism() - 1)),
      selfTest: false,
    });
    return child;
  }

  #onReply(reply: InferenceReply): void {
    switch (reply.kind) {
      case 'opened':
        return;
      case 'vectors': {
        // A copy: the bytes lie anywhere in a pipe's buffer, floats need an address of theirs.
        const vectors = new Float32Array(Uint8Array.from(reply.vectors).buffer);
        this.#take(reply.id)?.resolve(vectors);
        return;
      }
      case 'failed': {
        const error = new TiercelError(reply.code, reply.message);
        if (reply.id === 0) {
          // Without a model nothing can be answered, by this process or another.
          this.#retire();
          for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
        } else {
          this.#take(reply.id)?.reject(error);
        }
      }
    }
  }

  #onEnd(reason: string): void {
    this.#child = undefined;
    for (const { id, tries } of [...this.#pending.values()]) {
      if (tries < triesPerRequest) {
        this.#submit(id);
      } else {
        const message = `The inference process ended ${tries} times under the same texts (the last: ${reason}).`;
        this.#take(id)?.reject(new TiercelError(errorCodes.report, message));
      }
    }
  }

  /** Takes a request out; the process is ended when there is no other for some time. */
  #take(id: number): Pending | undefined {
    const request = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) {
      clearTimeout(this.#idleTimer);
      this.#idleTimer = setTimeout(() => {
        this.#retire();
      }, this.#options.idleMs ?? defaultIdleMs).unref();
    }
    return request;
  }

  /** Ends the process, which is no crash. */
  #retire(): void {
    clearTimeout(this.#idleTimer);
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = child.close().finally(() => {
      this.#ending.delete(ended);
    });
    this.#ending.add(ended);
  }
}
