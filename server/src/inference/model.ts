/** A transformer in this process: tokens to tensors. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';
import { floatsOfHalves } from './half.ts';
import type { ModelSpec, Placement } from './messages.ts';
import { placementIn } from './placement.ts';
import { pool } from './pooling.ts';
import { providerTitles, runtimeNames, type ExecutionProvider } from './providers.ts';
import { loadRuntime, type OnnxRuntime } from './runtime.ts';

export interface ModelOptions {
  model: ModelSpec;
  provider: ExecutionProvider;
  /** Threads of one operation on the CPU. */
  threads: number;
}

/** Token ids of one text, and the kind of each token where the model tells them apart. */
export interface Row {
  ids: Int32Array;
  types?: Int32Array;
}

/** Severity 3: errors only. They go to the native standard error, which the server logs. */
const errorsOnly = 3;

export class TransformerModel {
  readonly #runtime: OnnxRuntime;
  readonly #session: InferenceSession;
  readonly #spec: ModelSpec;
  /** What ran where when the model was opened. */
  readonly placement: Placement;

  private constructor(runtime: OnnxRuntime, session: InferenceSession, spec: ModelSpec, placement: Placement) {
    this.#runtime = runtime;
    this.#session = session;
    this.#spec = spec;
    this.placement = placement;
  }

  /**
   * Opens a model and runs it once to learn which of its nodes the provider takes.
   *
   * @throws TiercelError `InstallWhatIsMissing` when runtime, model or provider cannot be loaded, or the provider takes
   * no node of the model
   */
  static async open({ model: spec, provider, threads }: ModelOptions): Promise<TransformerModel> {
    const runtime = loadRuntime();
    const profiles = await mkdtemp(join(tmpdir(), 'tiercel-profile-'));
    try {
      const session = await createSession(runtime, spec, provider, threads, join(profiles, 'run'));
      requireTensors(session, spec);
      const probe = new TransformerModel(runtime, session, spec, { nodes: 0, onCpu: 0, cpuOperators: [] });
      const ids = Int32Array.of(1, 1);
      await probe.#run([{ ids, types: ids.map(() => 0) }], ids.length, spec.output);
      session.endProfiling();
      const [profile] = await readdir(profiles);
      const placement = placementIn(await readFile(join(profiles, profile ?? ''), 'utf8'), provider);
      if (placement.nodes > 0 && placement.onCpu === placement.nodes) {
        await session.release();
        throw new TiercelError(
          errorCodes.installWhatIsMissing,
          `${providerTitles[provider]} takes no part of the model: all ${placement.nodes} nodes would run on the CPU.`,
        );
      }
      return new TransformerModel(runtime, session, spec, placement);
    } finally {
      await rm(profiles, { recursive: true, force: true });
    }
  }

  /**
   * Blocks this process while it computes.
   *
   * @param rows token ids, padded here to `length`
   * @returns rows x dimension, row-major, unit length
   */
  async run(rows: readonly Int32Array[], length: number): Promise<Float32Array> {
    const { output, pooling, dimension } = this.#spec;
    const { data, dims } = await this.#run(rows.map(ofOneText), length, output);
    if (dims.at(-1) !== dimension) {
      throw new TiercelError(
        errorCodes.fixTheCall,
        `The model gives vectors of ${String(dims.at(-1))} dimensions, its description says ${dimension}.`,
      );
    }
    const lengths = rows.map((row) => row.length);
    return pool(data, pooling, lengths, length, dimension);
  }

  /** @returns token vectors, rows x length x dimension, as the model gives them */
  async tokens(rows: readonly Int32Array[], length: number): Promise<{ data: Float32Array; dimension: number }> {
    const { data, dims } = await this.#run(rows.map(ofOneText), length, this.#spec.tokenOutput ?? this.#spec.output);
    return { data, dimension: dims.at(-1) ?? 1 };
  }

  /** @returns a score per row: the first logit, or the second where there are two (not relevant, relevant) */
  async scores(rows: readonly Row[], length: number): Promise<Float32Array> {
    const { data, dims } = await this.#run(rows, length, this.#spec.output);
    const width = dims.length < 2 ? 1 : (dims.at(-1) ?? 1);
    return Float32Array.from(rows, (_, row) => data[row * width + (width === 2 ? 1 : 0)] ?? Number.NaN);
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  async #run(
    rows: readonly Row[],
    length: number,
    output: string,
  ): Promise<{ data: Float32Array; dims: readonly number[] }> {
    const cells = rows.length * length;
    const columns = {
      input_ids: new BigInt64Array(cells),
      attention_mask: new BigInt64Array(cells),
      token_type_ids: new BigInt64Array(cells),
      position_ids: new BigInt64Array(cells),
    };
    for (const [row, { ids, types }] of rows.entries()) {
      for (const [column, id] of ids.entries()) {
        const cell = row * length + column;
        columns.input_ids[cell] = BigInt(id);
        columns.attention_mask[cell] = 1n;
        columns.token_type_ids[cell] = BigInt(types?.[column] ?? 0);
        columns.position_ids[cell] = BigInt(column);
      }
    }
    const { Tensor } = this.#runtime;
    const wanted = new Set(this.#session.inputNames);
    const feeds = Object.fromEntries(
      Object.entries(columns)
        .filter(([name]) => wanted.has(name))
        .map(([name, data]) => [name, new Tensor('int64', data, [rows.length, length])]),
    );
    const tensor = (await this.#session.run(feeds, [output]))[output];
    const data: unknown = tensor?.data;
    if (tensor !== undefined && data instanceof Float32Array) return { data, dims: tensor.dims };
    if (tensor !== undefined && data instanceof Uint16Array) return { data: floatsOfHalves(data), dims: tensor.dims };
    throw new TiercelError(errorCodes.fixTheCall, `The model's output ${output} holds no floats.`);
  }
}

const knownInputs = new Set(['input_ids', 'attention_mask', 'token_type_ids', 'position_ids']);

function ofOneText(ids: Int32Array): Row {
  return { ids };
}

async function createSession(
  runtime: OnnxRuntime,
  { weights }: ModelSpec,
  provider: ExecutionProvider,
  threads: number,
  profileFilePrefix: string,
): Promise<InferenceSession> {
  try {
    return await runtime.InferenceSession.create(weights, {
      executionProviders: [runtimeNames[provider].option],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: errorsOnly,
      enableProfiling: true,
      profileFilePrefix,
      // Work in the background must not keep cores busy with waiting.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
  } catch (error) {
    const why = lastClause(messageOf(error));
    throw new TiercelError(
      errorCodes.installWhatIsMissing,
      provider === 'cpu' ? `The model ${weights} cannot be opened (${why}).` : reasons[provider](why),
      { cause: error },
    );
  }
}

/** Why a provider cannot run, as a clause for a person, with what helps where something does. */
const reasons: Record<Exclude<ExecutionProvider, 'cpu'>, (why: string) => string> = {
  webgpu: (why) => `there is no GPU that WebGPU can use (${why})`,
  cuda: (why) =>
    `CUDA is not usable (${why}); it needs NVIDIA's CUDA 12 and cuDNN 9 libraries and onnxruntime's CUDA library beside onnxruntime-node`,
  directml: (why) => `DirectML is not usable (${why}); it exists on Windows 10 and later`,
  coreml: (why) => `CoreML is not usable (${why}); it exists on macOS`,
};

/** @throws TiercelError `FixTheCall` when the graph is not of the shape its description says */
function requireTensors({ inputNames, outputNames }: InferenceSession, spec: ModelSpec): void {
  const odd = inputNames.filter((name) => !knownInputs.has(name));
  if (odd.length > 0) {
    const some = `${odd.slice(0, 3).join(', ')}${odd.length > 3 ? ', …' : ''}`;
    throw new TiercelError(errorCodes.fixTheCall, `The model wants inputs that Tiercel cannot give: ${some}.`);
  }
  for (const output of [spec.output, ...(spec.tokenOutput === undefined ? [] : [spec.tokenOutput])]) {
    if (outputNames.includes(output)) continue;
    throw new TiercelError(
      errorCodes.fixTheCall,
      `The model has no output ${output}; it has ${outputNames.join(', ')}.`,
    );
  }
}

/** The runtime puts source file and function before what a person can use. */
function lastClause(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/^.* was false\. /, '').replace(/[.\s]+$/, '');
}
