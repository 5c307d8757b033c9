/** The inference processes under kills: no text goes without its vector. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDeepEmbedder, type DeepEmbedder } from './deep.ts';
import { ModelCatalog } from './models/catalog.ts';
import { bundleInferenceProcess, type BundledProcess } from './test-process.ts';

const builtIn = fileURLToPath(new URL('../../../models', import.meta.url));
const kills = 100;

let bundle: BundledProcess;
let embedder: DeepEmbedder;

beforeAll(async () => {
  bundle = await bundleInferenceProcess();
  const model = await new ModelCatalog(builtIn, join(tmpdir(), 'tiercel-no-models')).resolve('minilm-l6');
  embedder = await openDeepEmbedder({ model, command: bundle.command, mode: 'on', provider: 'cpu', threads: 1 });
});

afterAll(async () => {
  await embedder.close();
  await bundle.remove();
});

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}

/** SIGKILL; false when the process was gone already. */
function kill(processId: number | undefined): boolean {
  if (processId === undefined) return false;
  try {
    return process.kill(processId, 'SIGKILL');
  } catch {
    return false;
  }
}

it(`loses no question and no passage while its processes are killed in the middle of their batches ${kills} times`, async () => {
  const passages = Array.from({ length: 24 }, (_, i) => `fn step_${i}() { read(line); count += ${i}; }`);
  const question = ['where are lines counted'];
  const expected = {
    passages: await embedder.embed(passages, 'passage'),
    question: await embedder.embed(question, 'query'),
  };
  let done = 0;
  for (let round = 0; done < kills; round++) {
    const under = embedder.embed(passages, 'passage');
    const asked = embedder.embed(question, 'query');
    // The load of either process ends at another moment each time: the kills fall into starts, batches and answers.
    if (round % 3 > 0) await embedder.embed(['in between'], 'query');
    const { passages: worker, questions } = embedder.processIds;
    if (kill(worker)) done++;
    if (round % 2 === 0 && kill(questions)) done++;
    expect(largestDifference(await under, expected.passages)).toBeLessThan(1e-3);
    expect(largestDifference(await asked, expected.question)).toBeLessThan(1e-3);
  }
  expect(done).toBeGreaterThanOrEqual(kills);
}, 600_000);
