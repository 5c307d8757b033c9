/** The inference process: reads requests on standard input, computes, answers on standard output. */
import { Console } from 'node:console';
import { join } from 'node:path';
import { errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';
import { deepModel, tokenizerFile } from './deep-model.ts';
import { encodeFrame, FrameReader } from '../processes/framing.ts';
import { requestSchema, type InferenceReply, type InferenceRequest, type OpenRequest } from './messages.ts';
import { TransformerModel } from './model.ts';
import { Scheduler } from './scheduler.ts';
import { selfTest } from './self-test.ts';
import { TextEncoder } from './tokens.ts';

/** On a GPU few shapes are better than exact ones; on the CPU every token of padding costs. */
const lengthStep = { cpu: 1, webgpu: 32 } as const;

/**
 * Serves one model until standard input ends. Standard output carries frames only; whatever prints goes to standard
 * error.
 */
export async function runInferenceProcess(): Promise<void> {
  globalThis.console = new Console(process.stderr, process.stderr);
  const server = new InferenceServer((reply) => {
    process.stdout.write(encodeFrame(reply));
  });
  // The parent is gone when the pipe breaks: there is nobody to compute for.
  process.stdout.on('error', () => process.exit(0));
  const reader = new FrameReader();
  await new Promise<void>((resolve) => {
    process.stdin.on('data', (piece: Buffer) => {
      for (const message of reader.push(piece)) server.receive(requestSchema.parse(message));
    });
    process.stdin.on('end', resolve);
    process.stdin.on('error', resolve);
  });
}

class InferenceServer {
  readonly #send: (reply: InferenceReply) => void;
  /** Rejects until a model has been asked for, and when it cannot be opened. Requests wait here in their order. */
  #scheduler: Promise<Scheduler> = Promise.reject(
    new TiercelError(errorCodes.report, 'The inference process was given texts before a model.'),
  );

  constructor(send: (reply: InferenceReply) => void) {
    this.#send = send;
    this.#scheduler.catch(() => undefined);
  }

  receive(request: InferenceRequest): void {
    const fail = (error: unknown): void => {
      this.#fail(request.id, error);
    };
    switch (request.kind) {
      case 'open':
        this.#scheduler = this.#open(request);
        this.#scheduler.then(() => {
          this.#send({ kind: 'opened', id: request.id });
        }, fail);
        return;
      case 'embed':
        this.#scheduler.then((scheduler) => {
          scheduler.add(request.id, request.role, request.texts);
        }, fail);
        return;
      case 'cancel':
        // Without a scheduler the request has failed already.
        this.#scheduler.then(
          (scheduler) => {
            scheduler.cancel(request.id);
          },
          () => undefined,
        );
        return;
    }
  }

  async #open(request: OpenRequest): Promise<Scheduler> {
    const encoder = await TextEncoder.load(join(request.modelDir, tokenizerFile)).catch((cause: unknown) => {
      throw new TiercelError(
        errorCodes.installWhatIsMissing,
        `The model's ${tokenizerFile} cannot be read (${messageOf(cause)}): install Tiercel again.`,
        { cause },
      );
    });
    const model = await TransformerModel.open(request);
    if (request.selfTest) await requireEqualToCpu(request, model, encoder);
    return new Scheduler({
      model,
      encode: (text) => encoder.encode(text),
      dimension: deepModel.dimension,
      lengthStep: lengthStep[request.provider],
      onVectors: (id, { buffer, byteOffset, byteLength }) => {
        this.#send({ kind: 'vectors', id, vectors: new Uint8Array(buffer, byteOffset, byteLength) });
      },
      onFailure: (id, error) => {
        this.#fail(id, error);
      },
    });
  }

  #fail(id: number, error: unknown): void {
    const code = error instanceof TiercelError ? error.code : errorCodes.report;
    this.#send({ kind: 'failed', id, code, message: messageOf(error) });
  }
}

async function requireEqualToCpu(request: OpenRequest, model: TransformerModel, encoder: TextEncoder): Promise<void> {
  const cpu = await TransformerModel.open({ ...request, provider: 'cpu' });
  const objection = await selfTest(model, cpu, encoder);
  await cpu.close();
  if (objection !== undefined) throw new TiercelError(errorCodes.installWhatIsMissing, objection);
}
