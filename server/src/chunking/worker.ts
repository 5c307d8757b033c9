import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { messageOf } from '../../../protocol/errors.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { encodeFrame, FrameReader } from '../processes/framing.ts';
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
const stderrCharacters = 2000;

/** One parse process and the requests it has been given, which it answers in order. */
export class ParseWorker<A extends Assignment> {
  readonly #child: ChildProcess;
  readonly #stdin: Writable;
  readonly #events: WorkerEvents<A>;
  readonly #reader = new FrameReader();
  readonly #assigned: A[] = [];
  #timer: NodeJS.Timeout | undefined;
  #started = false;
  #timedOut = false;
  #retired = false;
  #killReason: string | undefined;
  #stderr = '';
  readonly #ended: Promise<void>;

  constructor(command: ProcessCommand, events: WorkerEvents<A>) {
    this.#events = events;
    const child = spawn(command.file, command.args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...command.env },
      windowsHide: true,
    });
    this.#child = child;
    this.#stdin = child.stdin;
    // A broken pipe is followed by the end of the process, which is handled there.
    child.stdin.on('error', () => undefined);
    this.#listen(child.stdout, child.stderr);
    this.#timer = setTimeout(() => {
      this.#kill(`did not start within ${startLimitMs / 1000} s`);
    }, startLimitMs);
    this.#ended = new Promise((resolve) => {
      let over = false;
      const end = (reason: string) => {
        if (over) return;
        over = true;
        clearTimeout(this.#timer);
        this.#retired = true;
        events.onEnd({
          unanswered: this.#assigned.splice(0),
          started: this.#started,
          timedOut: this.#timedOut,
          reason: [this.#killReason ?? reason, this.#stderr.trim()].filter((part) => part !== '').join(': '),
        });
        resolve();
      };
      child.on('error', (error) => {
        end(messageOf(error));
      });
      child.on('close', (code, signal) => {
        end(signal === null ? `ended with status ${code ?? 0}` : `was ended by ${signal}`);
      });
    });
  }

  get processId(): number | undefined {
    return this.#child.pid;
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
    this.#stdin.write(encodeFrame({ id: assignment.id, ...assignment.request }));
    if (this.#started && this.#assigned.length === 1) this.#watchFirst();
  }

  /** Ends the process once it has answered what it was given. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#stdin.end();
    if (this.load === 0) this.#watchFirst();
  }

  /** Ends the process, by force when it does not end by itself in time. */
  async close(graceMs: number): Promise<void> {
    this.#stdin.end();
    const timer = setTimeout(() => {
      this.#kill('was closed');
    }, graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  #listen(stdout: Readable, stderr: Readable): void {
    stdout.on('data', (piece: Buffer) => {
      this.#receive(piece);
    });
    stderr.setEncoding('utf8');
    stderr.on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharacters);
    });
  }

  #receive(piece: Buffer): void {
    let messages: unknown[];
    try {
      messages = this.#reader.push(piece);
    } catch (error) {
      this.#kill(`wrote what is no message (${messageOf(error)})`);
      return;
    }
    for (const message of messages) this.#handle(message);
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
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#kill(`took longer than ${(first.limitMs / 1000).toFixed(1)} s`);
    }, first.limitMs);
  }

  #kill(reason: string): void {
    this.#killReason ??= reason;
    this.#retired = true;
    this.#child.kill('SIGKILL');
  }
}
