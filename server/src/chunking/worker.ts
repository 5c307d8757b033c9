import { FramedProcess } from '../processes/child.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { cpuTime, type CpuTime } from '../processes/cpu-time.ts';
import { isParseReply, type ParseReply } from './messages.ts';
import type { ChunkRequest } from './types.ts';

/** A request at a parse process. */
export interface Assignment {
  id: number;
  request: ChunkRequest;
  /** Milliseconds it may take once it is its turn. */
  limitMs: number;
}

export interface WorkerEnd<A extends Assignment> {
  /** Assignments without an answer, oldest first: the first was being worked on. */
  unanswered: A[];
  /** The process came up. When it did not, no file is to blame. */
  started: boolean;
  /** The first assignment's time was up. */
  timedOut: boolean;
  /** How the process ended, for a person. */
  reason: string;
}

export interface WorkerEvents<A extends Assignment> {
  onReply(assignment: A, reply: Exclude<ParseReply, { kind: 'ready' }>): void;
  onEnd(end: WorkerEnd<A>): void;
}

const startLimitMs = 60_000;
const endLimitMs = 5000;
/** Rounds of waiting for processor time. */
const longestWait = 100;
const leastWaitMs = 200;
/** What the system counts processor time in. */
const clockTickMs = 10;

/** One parse process and the requests it has been given, which it answers in order. */
export class ParseWorker<A extends Assignment> {
  readonly #process: FramedProcess;
  readonly #events: WorkerEvents<A>;
  readonly #assigned: A[] = [];
  #timer: NodeJS.Timeout | undefined;
  #started = false;
  #timedOut = false;
  #retired = false;

  constructor(command: ProcessCommand, events: WorkerEvents<A>) {
    this.#events = events;
    this.#process = new FramedProcess(command, {
      onMessage: (message) => {
        this.#handle(message);
      },
      onEnd: (reason) => {
        clearTimeout(this.#timer);
        this.#retired = true;
        const unanswered = this.#assigned.splice(0);
        events.onEnd({ unanswered, started: this.#started, timedOut: this.#timedOut, reason });
      },
    });
    this.#timer = setTimeout(() => {
      this.#kill(`did not start within ${startLimitMs / 1000} s`);
    }, startLimitMs);
  }

  get processId(): number | undefined {
    return this.#process.processId;
  }

  get load(): number {
    return this.#assigned.length;
  }

  /** Takes no more requests. */
  get retired(): boolean {
    return this.#retired;
  }

  assign(assignment: A): void {
    this.#assigned.push(assignment);
    this.#process.send({ id: assignment.id, ...assignment.request });
    if (this.#started && this.#assigned.length === 1) this.#watchFirst();
  }

  /** Ends the process once it has answered what it was given. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#process.endInput();
    if (this.load === 0) this.#watchFirst();
  }

  /** Ends the process, by force when it does not end by itself in time. */
  close(graceMs: number): Promise<void> {
    return this.#process.close(graceMs);
  }

  #handle(message: unknown): void {
    if (!isParseReply(message)) {
      this.#kill('wrote an unknown message');
      return;
    }
    if (message.kind === 'ready') {
      this.#started = true;
      this.#watchFirst();
      return;
    }
    const [first] = this.#assigned;
    if (first?.id !== message.id) {
      this.#kill('answered out of order');
      return;
    }
    this.#assigned.shift();
    this.#watchFirst();
    this.#events.onReply(first, message);
  }

  /** Starts the clock of the request that is worked on now, or of the end that was asked for. */
  #watchFirst(): void {
    clearTimeout(this.#timer);
    const [first] = this.#assigned;
    if (first === undefined) {
      if (this.#retired) this.#timer = setTimeout(() => this.#kill('did not end'), endLimitMs);
      return;
    }
    this.#limit(first, first.limitMs, this.#cpu()?.milliseconds, 1);
  }

  /**
   * On a machine that is busy a file is not to blame for the time it did not get: where the system tells, processor time
   * counts for a process that wants to run.
   */
  #limit({ limitMs }: A, waitMs: number, cpuBefore: number | undefined, round: number): void {
    this.#timer = setTimeout(() => {
      const now = this.#cpu();
      const left = cpuBefore === undefined || now?.runnable !== true ? 0 : limitMs - (now.milliseconds - cpuBefore);
      const [first] = this.#assigned;
      if (left > clockTickMs && round < longestWait && first !== undefined) {
        this.#limit(first, Math.max(left, leastWaitMs), cpuBefore, round + 1);
        return;
      }
      this.#timedOut = true;
      this.#kill(`took longer than ${(limitMs / 1000).toFixed(1)} s`);
    }, waitMs);
  }

  #cpu(): CpuTime | undefined {
    const { processId } = this.#process;
    return processId === undefined ? undefined : cpuTime(processId);
  }

  #kill(reason: string): void {
    this.#retired = true;
    this.#process.kill(reason);
  }
}
