/** The WebGPU provider on a GPU in software: that it computes the same, and that it is told from a real one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProcessCommand } from '../processes/command.ts';
import { chooseProvider } from './choose.ts';
import { openDeepEmbedder } from './deep.ts';
import { ModelCatalog, readOwnEntry, type ResolvedModel } from './models/catalog.ts';
import { addOwnModel } from './models/install.ts';
import { softwareGpu } from './test-gpu.ts';
import { writeSmallModel } from './test-model.ts';
import { bundleInferenceProcess, type BundledProcess } from './test-process.ts';

const builtIn = fileURLToPath(new URL('../../../models', import.meta.url));
const gpu = softwareGpu();

let bundle: BundledProcess;
let folder: string;
let model: ResolvedModel;
let command: ProcessCommand;

beforeAll(async () => {
  bundle = await bundleInferenceProcess();
  command = { ...bundle.command, env: gpu ?? {} };
  folder = await mkdtemp(join(tmpdir(), 'tiercel-webgpu-'));
  const catalog = new ModelCatalog(builtIn, join(folder, 'models'));
  const path = await writeSmallModel(join(folder, 'own'), { dimension: 64 });
  const { signal } = new AbortController();
  await addOwnModel(path, await readOwnEntry(path), { catalog, signal, validate: () => Promise.resolve() });
  model = await catalog.resolve('small');
});

afterAll(async () => {
  await bundle.remove();
  await rm(folder, { recursive: true });
});

describe.skipIf(gpu === undefined)('WebGPU in software', () => {
  it('computes what the CPU does when it is asked for by name, and says which nodes it took', async () => {
    const texts = ['read a file line by line', 'sort the list', 'x', 'open the socket and read what comes'];
    const onGpu = await openDeepEmbedder({ model, command, mode: 'on', provider: 'webgpu' });
    const onCpu = await openDeepEmbedder({ model, command, mode: 'on', provider: 'cpu' });
    expect(onGpu.device).toBe('webgpu');
    const [there, here] = [await onGpu.embed(texts, 'passage'), await onCpu.embed(texts, 'passage')];
    const difference = there.reduce((most, value, i) => Math.max(most, Math.abs(value - (here[i] ?? Number.NaN))), 0);
    expect(difference).toBeLessThan(1e-4);
    const { nodes = 0, onCpu: fallen = nodes, cpuOperators = [] } = onGpu.placement ?? {};
    expect(fallen).toBeLessThan(nodes);
    expect(cpuOperators.every((name) => name !== 'MatMul')).toBe(true);
    await Promise.all([onGpu.close(), onCpu.close()]);
  }, 120_000);

  it('is refused by auto, being no faster than the CPU', async () => {
    const choice = await chooseProvider({ model, command, provider: 'auto', cpuAllowed: true });
    expect(choice.provider).toBe('cpu');
    expect(choice.why).toMatch(/WebGPU: it is not 2 times as fast as the CPU/);
  }, 120_000);
});

it('is an error with the reason where there is no GPU', async () => {
  const blind = { ...bundle.command, env: { VK_ICD_FILENAMES: '/nowhere.json', VK_DRIVER_FILES: '/nowhere.json' } };
  await expect(chooseProvider({ model, command: blind, provider: 'webgpu', cpuAllowed: true })).rejects.toMatchObject({
    code: 'InstallWhatIsMissing',
    message: expect.stringMatching(
      /^The provider webgpu cannot be used: there is no GPU that WebGPU can use/,
    ) as string,
  });
});
