import { FramedProcess } from '../processes/child.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { replySchema, type InferenceReply, type InferenceRequest } from './messages.ts';

export interface InferenceEvents {
  onReply(reply: InferenceReply): void;
  /** Once, however it ended. @param reason for a person: how it ended and the last it printed. */
  onEnd(reason: string): void;
}

const closeGraceMs = 1000;

/** One inference process. */
export class InferenceChild {
  readonly #process: FramedProcess;

  constructor(command: ProcessCommand, events: InferenceEvents) {
    this.#process = new FramedProcess(command, {
      onMessage: (message) => {
        events.onReply(replySchema.parse(message));
      },
      onEnd: (reason) => {
        events.onEnd(reason);
      },
    });
  }

  get processId(): number | undefined {
    return this.#process.processId;
  }

  send(request: InferenceRequest): void {
    this.#process.send(request);
  }

  /** Asks it to end, then makes it. Resolves when it is gone. */
  close(): Promise<void> {
    return this.#process.close(closeGraceMs);
  }

  kill(reason: string): void {
    this.#process.kill(reason);
  }
}
