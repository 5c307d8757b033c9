import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { messageOf } from '../../../protocol/errors.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { encodeFrame, FrameReader } from '../processes/framing.ts';
import { replySchema, type InferenceReply, type InferenceRequest } from './messages.ts';

export interface ChildEvents {
  onReply(reply: InferenceReply): void;
  /** Once, however it ended. @param reason for a person: how it ended and the last it printed. */
  onEnd(reason: string): void;
}

const stderrCharacters = 600;
const closeGraceMs = 1000;

/** One inference process and the two pipes to it. */
export class InferenceChild {
  readonly #process: ChildProcess;
  readonly #stdin: Writable;
  readonly #ended: Promise<void>;
  #stderr = '';

  constructor(command: ProcessCommand, events: ChildEvents) {
    const child = spawn(command.file, command.args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...command.env },
      windowsHide: true,
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
        events.onEnd([reason, this.#stderr.trim()].filter((part) => part !== '').join(': '));
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

  send(request: InferenceRequest): void {
    this.#stdin.write(encodeFrame(request));
  }

  /** Asks it to end, then makes it. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#stdin.end();
    const timer = setTimeout(() => {
      this.kill();
    }, closeGraceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #listen(stdout: Readable, stderr: Readable, events: ChildEvents): void {
    const reader = new FrameReader();
    stdout.on('data', (piece: Buffer) => {
      try {
        for (const message of reader.push(piece)) events.onReply(replySchema.parse(message));
      } catch (error) {
        this.#stderr += `\nunreadable output: ${messageOf(error)}`;
        this.kill();
      }
    });
    stderr.setEncoding('utf8');
    stderr.on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharacters);
    });
  }
}
