import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { messageOf } from '../../../protocol/errors.ts';
import type { ProcessCommand } from './command.ts';
import { encodeFrame, FrameReader } from './framing.ts';

export interface ChildEvents {
  /** What it throws ends the process: a message that cannot be used means that the process cannot be trusted. */
  onMessage(message: unknown): void;
  /** Once, however it ended. @param reason for a person: how it ended and the last it printed. */
  onEnd(reason: string): void;
}

/** How much of its last words is kept. */
const stderrCharacters = 2000;

/** A process of ours and the frames on its pipes: messages out on its standard input, in from its standard output. */
export class FramedProcess {
  readonly #process: ChildProcess;
  readonly #stdin: Writable;
  readonly #ended: Promise<void>;
  #killReason: string | undefined;
  #stderr = '';

  constructor(command: ProcessCommand, events: ChildEvents) {
    const child = spawn(command.file, command.args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...command.env },
      windowsHide: true,
      // A session of its own, so that its priority can be lowered without this one's.
      detached: process.platform === 'linux',
    });
    this.#process = child;
    this.#stdin = child.stdin;
    // A broken pipe is followed by the end of the process, which is handled there.
    child.stdin.on('error', () => undefined);
    this.#listen(child.stdout, child.stderr, events);
    this.#ended = new Promise((resolve) => {
      let over = false;
      const end = (reason: string): void => {
        if (over) return;
        over = true;
        events.onEnd([this.#killReason ?? reason, this.#stderr.trim()].filter((part) => part !== '').join(': '));
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
    return this.#process.pid;
  }

  send(message: unknown): void {
    this.#stdin.write(encodeFrame(message));
  }

  /** Tells it that nothing more will come: it ends after what it has. */
  endInput(): void {
    this.#stdin.end();
  }

  /** Asks it to end, then makes it. Resolves when it is gone. */
  async close(graceMs: number): Promise<void> {
    this.endInput();
    const timer = setTimeout(() => {
      this.kill('was closed');
    }, graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** @param reason what `onEnd` is told; the first one counts. */
  kill(reason: string): void {
    this.#killReason ??= reason;
    this.#process.kill('SIGKILL');
  }

  #listen(stdout: Readable, stderr: Readable, events: ChildEvents): void {
    const reader = new FrameReader();
    stdout.on('data', (piece: Buffer) => {
      try {
        for (const message of reader.push(piece)) events.onMessage(message);
      } catch (error) {
        this.kill(`wrote what is no message (${messageOf(error)})`);
      }
    });
    stderr.setEncoding('utf8');
    stderr.on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharacters);
    });
  }
}
