/** The inference process: reads requests on standard input, computes, answers on standard output. */
import { Console } from 'node:console';
import { errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';
import { encodeFrame, FrameReader } from '../processes/framing.ts';
import { bucketOf } from './buckets.ts';
import {
  requestSchema,
  type Comparison,
  type InferenceReply,
  type InferenceRequest,
  type OpenRequest,
  type Placement,
  type RerankRequest,
} from './messages.ts';
import { TransformerModel } from './model.ts';
import { gpuProviders } from './providers.ts';
import { Scheduler } from './scheduler.ts';
import { scoringSteps, type ScoringModel } from './scoring.ts';
import { compare } from './self-test.ts';
import { TextEncoder, type EncodedText } from './tokens.ts';

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

interface Opened {
  scheduler: Scheduler;
  scoring: ScoringModel;
  placement: Placement;
  comparison: Comparison | undefined;
}

class InferenceServer {
  readonly #send: (reply: InferenceReply) => void;
  /** Rejects until a model has been asked for, and when it cannot be opened. Requests wait here in their order. */
  #opened: Promise<Opened> = Promise.reject(
    new TiercelError(errorCodes.report, 'The inference process was given texts before a model.'),
  );

  constructor(send: (reply: InferenceReply) => void) {
    this.#send = send;
    this.#opened.catch(() => undefined);
  }

  receive(request: InferenceRequest): void {
    const fail = (error: unknown): void => {
      this.#fail(request.id, error);
    };
    switch (request.kind) {
      case 'open':
        this.#opened = this.#open(request);
        this.#opened.then(({ placement, comparison }) => {
          const compared = comparison === undefined ? {} : { comparison };
          this.#send({ kind: 'opened', id: request.id, placement, ...compared });
        }, fail);
        return;
      case 'embed':
        this.#opened.then(({ scheduler }) => {
          scheduler.add(request.id, request.role, request.texts);
        }, fail);
        return;
      case 'rerank': {
        const deadline = performance.now() + request.budgetMs;
        this.#opened.then((opened) => {
          this.#rerank(opened, request, deadline);
        }, fail);
        return;
      }
      case 'cancel':
        // Without a model the request has failed already.
        this.#opened.then(
          ({ scheduler }) => {
            scheduler.cancel(request.id);
          },
          () => undefined,
        );
        return;
    }
  }

  async #open(request: OpenRequest): Promise<Opened> {
    const { model: spec, provider, ceiling, yieldMs } = request;
    const encoder = await TextEncoder.load(spec.tokenizer, spec.maxTokens);
    const model = await TransformerModel.open(request);
    const comparison = request.selfTest === 'none' ? undefined : await compared(request, model, encoder);
    const bucket = (tokens: number): number => bucketOf(tokens, gpuProviders.has(provider), spec.maxTokens);
    const scheduler = new Scheduler({
      model,
      encode: (text, role) => encodeWithPrefix(encoder, spec.prefixes[role === 'query' ? 'query' : 'passage'], text),
      dimension: spec.dimension,
      bucket,
      ceiling,
      yieldMs,
      onVectors: (id, { buffer, byteOffset, byteLength }) => {
        this.#send({ kind: 'vectors', id, vectors: new Uint8Array(buffer, byteOffset, byteLength) });
      },
      onFailure: (id, error) => {
        this.#fail(id, error);
      },
      onCeiling: (tokens) => {
        this.#send({ kind: 'ceiling', tokens });
      },
    });
    const { kind, prefixes } = spec;
    return { scheduler, scoring: { model, encoder, kind, prefixes, bucket }, placement: model.placement, comparison };
  }

  #rerank({ scheduler, scoring }: Opened, { id, query, texts }: RerankRequest, deadline: number): void {
    const steps = scoringSteps(scoring, {
      query,
      texts,
      deadline,
      onScores: ({ buffer, byteOffset, byteLength }) => {
        this.#send({ kind: 'scores', id, scores: new Uint8Array(buffer, byteOffset, byteLength) });
      },
      onFailure: (error) => {
        this.#fail(id, error);
      },
    });
    scheduler.addUrgent(steps);
  }

  #fail(id: number, error: unknown): void {
    const code = error instanceof TiercelError ? error.code : errorCodes.report;
    this.#send({ kind: 'failed', id, code, message: messageOf(error) });
  }
}

/** A prefix alone says nothing: a text without words stays without. */
function encodeWithPrefix(encoder: TextEncoder, prefix: string, text: string): EncodedText {
  if (prefix === '') return encoder.encode(text);
  return { ids: encoder.encode(prefix + text).ids, known: text.trim() !== '' };
}

async function compared(request: OpenRequest, model: TransformerModel, encoder: TextEncoder): Promise<Comparison> {
  const { reference, threads } = request;
  const cpu = await TransformerModel.open({ model: reference ?? request.model, provider: 'cpu', threads });
  try {
    return await compare(model, cpu, encoder, request.model, request.selfTest === 'timed');
  } finally {
    await cpu.close();
  }
}
