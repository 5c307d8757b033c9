/** The transformer of the deep lane in this process: tokens to vectors. The only importer of onnxruntime-node. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as OnnxRuntime from 'onnxruntime-node';
import { errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';
import { modelFile } from './deep-model.ts';
import type { ExecutionProvider } from './messages.ts';

export interface ModelOptions {
  modelDir: string;
  provider: ExecutionProvider;
  /** Threads of one operation on the CPU. */
  threads: number;
}

/** Severity 3: errors only. They go to the native standard error, which the server logs. */
const errorsOnly = 3;

export class TransformerModel {
  readonly #runtime: typeof OnnxRuntime;
  readonly #session: OnnxRuntime.InferenceSession;

  private constructor(runtime: typeof OnnxRuntime, session: OnnxRuntime.InferenceSession) {
    this.#runtime = runtime;
    this.#session = session;
  }

  /** @throws TiercelError `InstallWhatIsMissing` when runtime, model or provider cannot be loaded. */
  static async open(options: ModelOptions): Promise<TransformerModel> {
    const runtime = loadRuntime();
    try {
      const session = await runtime.InferenceSession.create(join(options.modelDir, modelFile), {
        executionProviders: [options.provider],
        intraOpNumThreads: options.threads,
        interOpNumThreads: 1,
        logSeverityLevel: errorsOnly,
        // Work in the background must not keep cores busy with waiting.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      });
      return new TransformerModel(runtime, session);
    } catch (error) {
      throw new TiercelError(
        errorCodes.installWhatIsMissing,
        options.provider === 'webgpu'
          ? `there is no GPU that WebGPU can use (${lastClause(messageOf(error))})`
          : `The model ${modelFile} cannot be opened on the CPU (${lastClause(messageOf(error))}): install Tiercel again.`,
        { cause: error },
      );
    }
  }

  /**
   * Blocks this process while it computes.
   *
   * @param rows token ids, padded here to `length`
   * @returns rows x dimension, row-major, unit length
   */
  async run(rows: readonly Int32Array[], length: number): Promise<Float32Array> {
    const shape = [rows.length, length];
    const ids = new BigInt64Array(rows.length * length);
    const mask = new BigInt64Array(rows.length * length);
    for (const [row, tokens] of rows.entries()) {
      for (const [column, id] of tokens.entries()) {
        ids[row * length + column] = BigInt(id);
        mask[row * length + column] = 1n;
      }
    }
    const { Tensor } = this.#runtime;
    const outputs = await this.#session.run(
      { input_ids: new Tensor('int64', ids, shape), attention_mask: new Tensor('int64', mask, shape) },
      ['sentence_embedding'],
    );
    const data = outputs['sentence_embedding']?.data;
    if (!(data instanceof Float32Array)) throw new TiercelError(errorCodes.report, 'The model gave no vectors.');
    return data;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

/** The runtime puts source file and function before what a person can use. */
function lastClause(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/^.* was false\. /, '').replace(/[.\s]+$/, '');
}

function loadRuntime(): typeof OnnxRuntime {
  try {
    // Loaded at run time: a bundle cannot hold its native library.
    return createRequire(import.meta.url)('onnxruntime-node') as typeof OnnxRuntime;
  } catch (error) {
    throw new TiercelError(
      errorCodes.installWhatIsMissing,
      `onnxruntime-node cannot be loaded (${messageOf(error)}): install Tiercel again for this machine.`,
      { cause: error },
    );
  }
}
