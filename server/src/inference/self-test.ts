/** Whether a provider may be trusted and is worth it: same vectors as the CPU, and how much faster. */
import type { Comparison, ModelSpec } from './messages.ts';
import type { TransformerModel } from './model.ts';
import type { TextEncoder } from './tokens.ts';

const texts = [
  'open a file and read it line by line',
  'function debounce(callback, wait) { let timer; return (...args) => { clearTimeout(timer); timer = setTimeout(() => callback(...args), wait); }; }',
  'Returns the sum of all invoices of a customer that have not been paid yet.',
  'SELECT name FROM users WHERE age > 30 ORDER BY name',
];
const question = 'how are files read';
/** The CPU multiplies with 8-bit activations, the GPU with floats: equal but for rounding. */
const leastCosine = 0.998;
/** A cross-encoder's scores are compared by how far they are apart. */
const mostScoreDifference = 0.25;
/** A software adapter (SwiftShader, llvmpipe) looks like a GPU to the runtime, but is slower than our CPU kernels. */
const leastSpeedUp = 2;
const timedRows = 8;
const timedLength = 128;

/**
 * Compares a model on a provider with the same on the CPU.
 *
 * @param timed also how long a batch takes on each
 */
export async function compare(
  provider: TransformerModel,
  cpu: TransformerModel,
  encoder: TextEncoder,
  { kind, maxTokens }: ModelSpec,
  timed: boolean,
): Promise<Comparison> {
  const cosine = kind === 'reranker' ? await likeScores(provider, cpu, encoder) : await cosines(provider, cpu, encoder);
  if (!timed) return { cosine };
  const length = Math.min(timedLength, maxTokens);
  // Ids that every vocabulary has.
  const ids = new Int32Array(length).map((_, i) => 100 + i);
  const batch = Array.from({ length: timedRows }, () => ids);
  const work = (model: TransformerModel) => async (): Promise<void> => {
    if (kind === 'reranker')
      await model.scores(
        batch.map((row) => ({ ids: row })),
        length,
      );
    else await model.run(batch, length);
  };
  const cpuMs = await fastestOf(2, work(cpu));
  return { cosine, cpuMs, providerMs: await fastestOf(3, work(provider)) };
}

/** Why a provider should not be used, as a clause; undefined when it passes. */
export function objectionTo({ cosine, cpuMs, providerMs }: Comparison): string | undefined {
  // Written so that a cosine that is no number fails as well.
  if (!(cosine >= leastCosine)) return `its results differ from the CPU's (cosine ${cosine.toFixed(4)})`;
  if (cpuMs !== undefined && providerMs !== undefined && providerMs * leastSpeedUp > cpuMs) {
    return `it is not ${leastSpeedUp} times as fast as the CPU (${providerMs.toFixed(0)} ms against ${cpuMs.toFixed(0)} ms), a software adapter or a slow device`;
  }
  return undefined;
}

async function cosines(provider: TransformerModel, cpu: TransformerModel, encoder: TextEncoder): Promise<number> {
  let least = 1;
  for (const text of texts) {
    const { ids } = encoder.encode(text);
    const [there, here] = [await provider.run([ids], ids.length), await cpu.run([ids], ids.length)];
    const cosine = there.reduce((sum, value, i) => sum + value * (here[i] ?? 0), 0);
    if (!(cosine >= least)) least = cosine;
  }
  return least;
}

async function likeScores(provider: TransformerModel, cpu: TransformerModel, encoder: TextEncoder): Promise<number> {
  let largest = 0;
  for (const text of texts) {
    const row = encoder.encodePair(question, text);
    const [there, here] = [await provider.scores([row], row.ids.length), await cpu.scores([row], row.ids.length)];
    const difference = Math.abs((there[0] ?? Number.NaN) - (here[0] ?? Number.NaN));
    if (!(difference <= largest)) largest = difference;
  }
  return largest <= mostScoreDifference ? 1 : 1 - largest;
}

async function fastestOf(times: number, work: () => Promise<void>): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await work();
    fastest = Math.min(fastest, performance.now() - started);
  }
  return fastest;
}
