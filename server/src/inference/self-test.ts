/** Whether a GPU may be trusted and is worth it: same vectors as the CPU, and faster. */
import type { TransformerModel } from './model.ts';
import type { TextEncoder } from './tokens.ts';

const texts = [
  'open a file and read it line by line',
  'function debounce(callback, wait) { let timer; return (...args) => { clearTimeout(timer); timer = setTimeout(() => callback(...args), wait); }; }',
  'Returns the sum of all invoices of a customer that have not been paid yet.',
  'SELECT name FROM users WHERE age > 30 ORDER BY name',
];
/** The CPU multiplies with 8-bit activations, the GPU with floats: equal but for rounding. */
const leastCosine = 0.998;
/** A software adapter (SwiftShader, llvmpipe) looks like a GPU to the runtime, but is slower than our CPU kernels. */
const leastSpeedUp = 2;
const timedRows = 8;
const timedLength = 128;

/**
 * Compares a model on a GPU with the same on the CPU.
 *
 * @returns why the GPU should not be used, as a clause; undefined when it passes
 */
export async function selfTest(
  gpu: TransformerModel,
  cpu: TransformerModel,
  encoder: TextEncoder,
): Promise<string | undefined> {
  for (const text of texts) {
    const { ids } = encoder.encode(text);
    const [onGpu, onCpu] = [await gpu.run([ids], ids.length), await cpu.run([ids], ids.length)];
    const cosine = onGpu.reduce((sum, value, i) => sum + value * (onCpu[i] ?? 0), 0);
    // Written so that a cosine that is no number fails as well.
    if (!(cosine >= leastCosine)) {
      return `the GPU's results differ from the CPU's (cosine ${cosine.toFixed(4)})`;
    }
  }
  const row = new Int32Array(timedLength).map((_, i) => 2000 + i);
  const batch = Array.from({ length: timedRows }, () => row);
  const cpuMs = await fastestOf(2, () => cpu.run(batch, timedLength));
  const gpuMs = await fastestOf(3, () => gpu.run(batch, timedLength));
  if (gpuMs * leastSpeedUp > cpuMs) {
    return `the GPU is not ${leastSpeedUp} times as fast as the CPU (${gpuMs.toFixed(0)} ms against ${cpuMs.toFixed(0)} ms), a software adapter or a slow device`;
  }
  return undefined;
}

async function fastestOf(times: number, work: () => Promise<unknown>): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await work();
    fastest = Math.min(fastest, performance.now() - started);
  }
  return fastest;
}
