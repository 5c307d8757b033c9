import { hash } from 'node:crypto';
import { cancelled, errorCodes, TiercelError } from '../../../protocol/errors.ts';
import type { ParseReply } from './messages.ts';
import type { ChunkedFile, Chunker, ChunkRequest } from './types.ts';
import { chunkByLines } from './windows.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { lowerPriority } from '../processes/priority.ts';
import { ParseWorker, type Assignment, type WorkerEnd } from './worker.ts';

/** Files that ended the parser: content key to what happened. A `Map` does; one that is kept on disk can, too. */
export interface FailureMemory {
  get(key: string): string | undefined;
  set(key: string, detail: string): unknown;
  clear(): void;
}

export interface ChunkerOptions {
  /** Most parse processes at a time; they start when there is work. */
  processes: number;
  /** Starts a process that runs `runParseProcess`. */
  command: ProcessCommand;
  /** Time limit of a small file, default 5,000; 10 microseconds per character are added. */
  timeoutMs?: number;
  /** Default: remembered as long as the chunker lives. */
  rememberedFailures?: FailureMemory;
  /** A process that is larger than this after a file is replaced, default 700 MiB. */
  maxProcessBytes?: number;
  /** A process without work ends after this time, default 30,000. */
  idleMs?: number;
}

/** A {@link Chunker} over parse processes. */
export interface ChunkerPool extends Chunker {
  /** Process ids that are alive now. */
  processIds(): number[];
  forgetFailures(): void;
  /**
   * From now on so many processes, below other programs by so much (as `nice` counts). A priority cannot be raised again:
   * those that run are replaced when they are done with what they have.
   */
  adjust(processes: number, niceness: number): void;
}

/** Requests given to one process at a time, so that it never waits for the next. */
const requestsPerProcess = 4;
const limitMsPerCharacter = 0.01;
/** A process that ends under a file may have been ended from outside: the file gets a second try. */
const triesPerFile = 2;
const failedStartsAllowed = 3;
const closeGraceMs = 1000;

interface Job extends Assignment {
  key: string;
  tries: number;
  settled: boolean;
  finish(result: ChunkedFile): void;
  fail(error: Error): void;
}

/**
 * Cuts files in parse processes. A file that kills its process or exceeds its time is cut by lines (`parser-failed`) and
 * remembered by content; the other files the process had are given to its replacement.
 *
 * `chunk` rejects with `Report` when the processes cannot be started at all. Waiting requests are queued without limit:
 * the caller keeps the number of its calls bounded.
 */
export function createChunker(options: ChunkerOptions): ChunkerPool {
  return new Pool(options);
}

class Pool implements ChunkerPool {
  readonly #options: Required<ChunkerOptions>;
  readonly #waiting: Job[] = [];
  readonly #workers = new Set<ParseWorker<Job>>();
  readonly #idleTimers = new Map<ParseWorker<Job>, NodeJS.Timeout>();
  #closed = false;
  #niceness = 0;
  #nextId = 1;
  #failedStarts = 0;

  constructor(options: ChunkerOptions) {
    this.#options = {
      timeoutMs: 5000,
      rememberedFailures: new Map<string, string>(),
      maxProcessBytes: 700 * 2 ** 20,
      idleMs: 30_000,
      ...options,
      processes: Math.max(1, options.processes),
    };
  }

  processIds(): number[] {
    return [...this.#workers].flatMap((worker) => worker.processId ?? []);
  }

  forgetFailures(): void {
    this.#options.rememberedFailures.clear();
  }

  adjust(processes: number, niceness: number): void {
    this.#options.processes = Math.max(1, processes);
    if (niceness === this.#niceness) return;
    this.#niceness = niceness;
    for (const worker of this.#workers) worker.retire();
  }

  chunk(request: ChunkRequest, signal?: AbortSignal): Promise<ChunkedFile> {
    if (this.#closed || signal?.aborted === true) return Promise.reject(cancelled());
    const key = hash('sha256', `${request.language}\0${request.text}`);
    const known = this.#options.rememberedFailures.get(key);
    if (known !== undefined) return Promise.resolve(byLines(request, known));
    return new Promise((resolve, reject) => {
      const job: Job = {
        id: this.#nextId++,
        request: { path: request.path, language: request.language, text: request.text },
        limitMs: this.#options.timeoutMs + request.text.length * limitMsPerCharacter,
        key,
        tries: 0,
        settled: false,
        finish: (result) => {
          settle();
          resolve(result);
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      const onAbort = () => {
        job.fail(cancelled());
        const index = this.#waiting.indexOf(job);
        if (index !== -1) this.#waiting.splice(index, 1);
      };
      const settle = () => {
        job.settled = true;
        signal?.removeEventListener('abort', onAbort);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(job);
      this.#pump();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#waiting.splice(0)) job.fail(cancelled());
    for (const timer of this.#idleTimers.values()) clearTimeout(timer);
    await Promise.all([...this.#workers].map((worker) => worker.close(closeGraceMs)));
  }

  /** Gives waiting requests to the processes, starting those that are needed. */
  #pump(): void {
    while (!this.#closed && this.#waiting.length > 0) {
      const worker = this.#freeWorker();
      if (worker === undefined) return;
      const job = this.#waiting.shift();
      if (job === undefined) return;
      clearTimeout(this.#idleTimers.get(worker));
      worker.assign(job);
    }
  }

  #freeWorker(): ParseWorker<Job> | undefined {
    let best: ParseWorker<Job> | undefined;
    for (const worker of this.#workers) {
      if (!worker.retired && worker.load < (best?.load ?? requestsPerProcess)) best = worker;
    }
    const active = [...this.#workers].filter(({ retired }) => !retired).length;
    if (best?.load === 0 || active >= this.#options.processes) return best;
    return this.#start();
  }

  #start(): ParseWorker<Job> {
    const worker = new ParseWorker<Job>(this.#options.command, {
      onReply: (job, reply) => {
        this.#answered(worker, job, reply);
      },
      onEnd: (end) => {
        this.#ended(worker, end);
      },
    });
    if (worker.processId !== undefined) lowerPriority(worker.processId, this.#niceness);
    this.#workers.add(worker);
    return worker;
  }

  #answered(worker: ParseWorker<Job>, job: Job, reply: Exclude<ParseReply, { kind: 'ready' }>): void {
    this.#failedStarts = 0;
    if (reply.kind === 'done') {
      if (!job.settled) job.finish(reply.result);
    } else {
      this.#giveUp(job, `the parser rejected the file: ${reply.message}`);
    }
    if (reply.rssBytes > this.#options.maxProcessBytes) worker.retire();
    this.#pump();
    if (worker.load === 0 && !worker.retired) {
      const timer = setTimeout(() => {
        worker.retire();
      }, this.#options.idleMs);
      timer.unref();
      clearTimeout(this.#idleTimers.get(worker));
      this.#idleTimers.set(worker, timer);
    }
  }

  #ended(worker: ParseWorker<Job>, end: WorkerEnd<Job>): void {
    this.#workers.delete(worker);
    clearTimeout(this.#idleTimers.get(worker));
    this.#idleTimers.delete(worker);
    const open = end.unanswered.filter((job) => !job.settled);
    if (this.#closed) {
      for (const job of open) job.fail(cancelled());
      return;
    }
    if (!end.started) {
      this.#failedStarts++;
      if (this.#failedStarts >= failedStartsAllowed) {
        this.#refuse([...open, ...this.#waiting.splice(0)], end.reason);
        return;
      }
    } else {
      this.#blame(end);
    }
    this.#waiting.unshift(...open.filter((job) => !job.settled));
    this.#pump();
  }

  /** The file that was worked on when the process ended. */
  #blame(end: WorkerEnd<Job>): void {
    const [job] = end.unanswered;
    if (job === undefined) return;
    job.tries++;
    if (end.timedOut || job.tries >= triesPerFile) this.#giveUp(job, `the parse process ${end.reason}`);
  }

  #giveUp(job: Job, detail: string): void {
    this.#options.rememberedFailures.set(job.key, detail);
    if (!job.settled) job.finish(byLines(job.request, detail));
  }

  #refuse(jobs: Job[], reason: string): void {
    this.#failedStarts = 0;
    const error = new TiercelError(
      errorCodes.report,
      `The parse process cannot be started, so no file can be indexed (it ${reason}). Install Tiercel again; if that does not help, report it with the log.`,
    );
    for (const job of jobs) job.fail(error);
  }
}

function byLines(request: ChunkRequest, detail: string): ChunkedFile {
  return { chunks: chunkByLines(request.text), method: 'parser-failed', detail };
}
