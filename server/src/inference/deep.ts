/** The deep lane: a transformer in processes of its own. */
import { availableParallelism } from 'node:os';
import { errorCodes, TiercelError } from '../../../protocol/errors.ts';
import type { InferenceProvider } from '../../../protocol/settings.ts';
import type { ProcessCommand } from '../processes/command.ts';
import type { BatchLimits } from './batch-limits.ts';
import { chooseProvider, type ProviderChoice } from './choose.ts';
import { deviceName } from './device.ts';
import type { Placement } from './messages.ts';
import type { ResolvedModel } from './models/catalog.ts';
import { gpuProviders, type ExecutionProvider } from './providers.ts';
import { SupervisedModel } from './supervise.ts';
import type { Embedder, TextRole } from './types.ts';

export interface DeepEmbedderOptions {
  model: ResolvedModel;
  /** Starts a process that runs `runInferenceProcess`. */
  command: ProcessCommand;
  /** `auto`: a GPU that passes the self-test, or nothing; `on`: the CPU otherwise. */
  mode: 'auto' | 'on';
  provider?: InferenceProvider;
  /** Threads on the CPU; default: one less than the cores, one to four. */
  threads?: number;
  /** A process without work ends after this time, default 60,000. */
  idleMs?: number;
  /** Pause between batches of passages on a GPU, milliseconds; default 0. */
  yieldMs?: number;
  limits?: BatchLimits;
}

export interface DeepEmbedder extends Embedder {
  readonly device: ExecutionProvider;
  readonly choice: ProviderChoice;
  /** What ran where when the model was last loaded for passages; absent until then. */
  readonly placement: Placement | undefined;
  /** The processes for passages and for questions, those that are alive. */
  readonly processIds: { passages: number | undefined; questions: number | undefined };
  readonly loaded: boolean;
  readonly failure: string | undefined;
  load(): Promise<void>;
}

const mostThreads = 4;
const mostQuestionThreads = 2;
const defaultIdleMs = 60_000;
/** A larger model is not held twice: its questions wait for a batch of passages. */
const mostBytesTwice = 128 * 1024 * 1024;

/**
 * Opens the deep lane. Passages and questions have a process each, so that a question never waits for a batch of
 * passages; both start with the first texts of their kind and end when idle. On a GPU the questions of a small model are
 * computed on the CPU, which answers them as fast and leaves the GPU its memory.
 *
 * @throws TiercelError `InstallWhatIsMissing` when the provider that is asked for cannot run, or `auto` finds no GPU (the
 * message says why). `embed` rejects as {@link SupervisedModel.request} does.
 */
export async function openDeepEmbedder(options: DeepEmbedderOptions): Promise<DeepEmbedder> {
  const { provider = 'auto', mode } = options;
  if (mode === 'auto' && provider === 'cpu') {
    throw new TiercelError(
      errorCodes.installWhatIsMissing,
      'tiercel.inference.provider is "cpu", and tiercel.deep "auto" uses a GPU only: set tiercel.deep to "on".',
    );
  }
  return new ProcessEmbedder(options, await chooseProvider({ ...options, provider, cpuAllowed: mode === 'on' }));
}

/**
 * Opens a model for what is embedded while a query waits: on the CPU, without a self-test of anything else, since single
 * texts gain nothing from a GPU.
 *
 * @param why a sentence for a person
 */
export function openOnDemandEmbedder(
  options: Omit<DeepEmbedderOptions, 'mode' | 'provider' | 'yieldMs'>,
  why: string,
): DeepEmbedder {
  return new ProcessEmbedder({ ...options, mode: 'on' }, { provider: 'cpu', why });
}

class ProcessEmbedder implements DeepEmbedder {
  readonly model;
  readonly device: ExecutionProvider;
  readonly choice: ProviderChoice;
  readonly #passages: SupervisedModel;
  readonly #questions: SupervisedModel;
  #placement: Placement | undefined;

  constructor(options: DeepEmbedderOptions, choice: ProviderChoice) {
    const { model, command, limits, idleMs = defaultIdleMs } = options;
    const cores = availableParallelism();
    const threads = options.threads ?? Math.min(mostThreads, Math.max(1, cores - 1));
    this.model = model.info;
    this.device = choice.provider;
    this.choice = choice;
    const device = deviceName(choice.provider);
    const onGpu = gpuProviders.has(choice.provider);
    this.#passages = new SupervisedModel({
      command,
      idleMs,
      background: true,
      open: () => ({
        model: model.spec(choice.provider),
        provider: choice.provider,
        threads,
        selfTest: 'none',
        ceiling: limits?.ceiling(device, model.info.id),
        yieldMs: onGpu ? (options.yieldMs ?? 0) : 0,
      }),
      onOpened: ({ placement }) => {
        this.#placement = placement;
      },
      onCeiling: (tokens) => limits?.remember(device, model.info.id, tokens),
    });
    this.#questions =
      model.bytes('cpu') > mostBytesTwice
        ? this.#passages
        : new SupervisedModel({
            command,
            idleMs,
            background: false,
            open: () => ({
              model: model.spec('cpu'),
              provider: 'cpu',
              threads: options.threads ?? Math.min(mostQuestionThreads, cores),
              selfTest: 'none',
              yieldMs: 0,
            }),
          });
  }

  get placement(): Placement | undefined {
    return this.#placement;
  }

  get processIds(): { passages: number | undefined; questions: number | undefined } {
    return { passages: this.#passages.processId, questions: this.#questions.processId };
  }

  get loaded(): boolean {
    return this.#questions.loaded;
  }

  get failure(): string | undefined {
    return this.#questions.failure;
  }

  load(): Promise<void> {
    return this.#questions.load();
  }

  async embed(texts: readonly string[], role: TextRole, signal?: AbortSignal): Promise<Float32Array> {
    const process = role === 'passage' ? this.#passages : this.#questions;
    if (texts.length === 0) return new Float32Array(0);
    const answer = await process.request({ kind: 'embed', role, texts: [...texts] }, signal);
    if (answer.kind !== 'vectors') throw new TiercelError(errorCodes.report, 'The inference process gave no vectors.');
    // A copy: the bytes lie anywhere in a pipe's buffer, floats need an address of theirs.
    return new Float32Array(Uint8Array.from(answer.vectors).buffer);
  }

  async close(): Promise<void> {
    await Promise.all([this.#passages.close(), this.#questions.close()]);
  }
}
