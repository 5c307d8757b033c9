/** Scores of texts for a question, within a time budget. */
import { availableParallelism } from 'node:os';
import { errorCodes, TiercelError } from '../../../protocol/errors.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { within } from '../processes/within.ts';
import type { ProviderChoice } from './choose.ts';
import type { ResolvedModel } from './models/catalog.ts';
import { SupervisedModel, type Work } from './supervise.ts';

export interface RerankerOptions {
  /** A cross-encoder, or an embedding model whose token vectors are compared (late interaction). */
  model: ResolvedModel;
  command: ProcessCommand;
  choice: ProviderChoice;
  /** Threads on the CPU; default: one to four, as many as there are cores. */
  threads?: number;
  /** The process ends after this time without a request, default 60,000. */
  idleMs?: number;
}

export interface RerankOptions {
  /** Milliseconds; default 150. */
  budgetMs?: number;
  signal?: AbortSignal;
}

export interface Reranked {
  /** Of the first texts, as many as there was time for; larger is better, comparable within this answer only. */
  scores: Float32Array;
  /** Whether every text has a score. */
  complete: boolean;
  milliseconds: number;
}

export interface Reranker {
  readonly model: string;
  readonly device: string;
  /** False: the next request starts the model and comes back without scores if that outlasts its budget. */
  readonly loaded: boolean;
  /** The process, when one is alive. */
  readonly processId: number | undefined;
  load(): Promise<void>;
  /**
   * @param texts the likeliest first: they are scored first
   * @returns what was scored when the budget ended
   * @throws TiercelError `Cancelled`, or as {@link SupervisedModel.request}
   */
  rerank(query: string, texts: readonly string[], options?: RerankOptions): Promise<Reranked>;
  close(): Promise<void>;
}

export const defaultRerankBudgetMs = 90;
/** The step that runs when the budget ends is waited for, since its scores are almost there. */
const graceMs = 100;
const mostThreads = 4;
const defaultIdleMs = 60_000;

/** @throws TiercelError `FixTheCall` for an embedding model that shows no token vectors */
export function openReranker(options: RerankerOptions): Reranker {
  const { model, command, choice, idleMs = defaultIdleMs } = options;
  const spec = model.spec(choice.provider);
  if (spec.kind === 'embedding' && spec.tokenOutput === undefined) {
    throw new TiercelError(
      errorCodes.fixTheCall,
      `The model ${model.entry.id} cannot rerank: it shows no token vectors.`,
    );
  }
  const threads = options.threads ?? Math.min(mostThreads, availableParallelism());
  const process = new SupervisedModel({
    command,
    idleMs,
    background: false,
    open: () => ({ model: spec, provider: choice.provider, threads, selfTest: 'none', yieldMs: 0 }),
  });
  return {
    model: model.info.id,
    device: choice.provider,
    get loaded() {
      return process.loaded;
    },
    get processId() {
      return process.processId;
    },
    load: () => process.load(),
    async rerank(query, texts, { budgetMs = defaultRerankBudgetMs, signal } = {}) {
      const started = performance.now();
      const work: Work = { kind: 'rerank', query, texts: [...texts], budgetMs };
      const inTime = texts.length === 0 ? undefined : await within(budgetMs + graceMs, process.request(work, signal));
      const answer = inTime?.value;
      const scores =
        answer?.kind === 'scores' ? new Float32Array(Uint8Array.from(answer.scores).buffer) : new Float32Array(0);
      return { scores, complete: scores.length === texts.length, milliseconds: performance.now() - started };
    },
    close: () => process.close(),
  };
}

/** What the reranker's score counts against the one before. */
const weight = 0.5;

/**
 * The order of candidates: scored ones on the places they had, by their score and the one that brought them there, each
 * in standard deviations of those that are scored. A reranker sees a text; what was known of its file, its name and its
 * place is in the score before, and lost where only the new one counts (docs/ranking.md).
 *
 * @param scoreOf what the order was by
 */
export function reorder<T>(candidates: readonly T[], scores: Float32Array, scoreOf: (candidate: T) => number): T[] {
  const scored = candidates.slice(0, scores.length);
  const before = deviations(scored.map(scoreOf));
  const after = deviations([...scores.subarray(0, scored.length)]);
  const sum = (at: number): number => (before[at] ?? 0) + weight * (after[at] ?? 0);
  const order = scored.map((candidate, at) => ({ candidate, score: sum(at) })).sort((a, b) => b.score - a.score);
  return [...order.map(({ candidate }) => candidate), ...candidates.slice(scores.length)];
}

/** From the mean, in standard deviations; none where all are the same. */
function deviations(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length));
  return values.map((value) => (deviation === 0 ? 0 : (value - mean) / deviation));
}
