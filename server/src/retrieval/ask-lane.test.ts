import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDeepEmbedder, type DeepEmbedder } from '../inference/deep.ts';
import { ModelCatalog } from '../inference/models/catalog.ts';
import { bundleInferenceProcess, type BundledProcess } from '../inference/test-process.ts';
import { ownProcess } from '../processes/command.ts';
import { askLane, type SearchLane } from './ask-lane.ts';

const builtIn = fileURLToPath(new URL('../../../models', import.meta.url));
const { signal } = new AbortController();

let bundle: BundledProcess;
const open: DeepEmbedder[] = [];

beforeAll(async () => {
  bundle = await bundleInferenceProcess();
});

afterAll(async () => {
  await Promise.all(open.map((embedder) => embedder.close()));
  await bundle.remove();
});

async function deepLane(command = bundle.command): Promise<SearchLane> {
  const model = await new ModelCatalog(builtIn, join(tmpdir(), 'tiercel-no-models')).resolve('minilm-l6');
  const embedder = await openDeepEmbedder({ model, command, mode: 'on', provider: 'cpu', threads: 1 });
  open.push(embedder);
  return { name: 'deep', embedder, space: 'deep:x' };
}

describe('a lane whose model is in another process', () => {
  it('is left out at once while its model is loaded, and asked when it is there', async () => {
    const lane = await deepLane();
    expect(await askLane(lane, 'text', 'query', 0, signal)).toEqual({ absent: 'the model is being loaded' });
    await lane.embedder.load?.();
    const { vectors } = (await askLane(lane, 'text', 'query', 0, signal)) as { vectors: Float32Array };
    expect(vectors.length).toBe(384);
  });

  it('is waited for by who has patience', async () => {
    const lane = await deepLane();
    expect((await askLane(lane, 'text', 'query', 25_000, signal)).absent).toBeUndefined();
  });

  it('is left out with the reason when its process fails, and cancelled with the search', async () => {
    const failing = { ...ownProcess('inference', ''), args: ['-e', 'process.exit(9)'] };
    const { absent } = await askLane(await deepLane(failing), 'text', 'query', 25_000, signal);
    expect(absent).toContain('ended with status 9');
    const silent = { ...failing, args: ['-e', 'setInterval(() => {}, 1000)'] };
    const stop = new AbortController();
    const asked = askLane(await deepLane(silent), 'text', 'query', 25_000, stop.signal);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'Cancelled' });
  });
});
