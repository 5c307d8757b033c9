/** The GPU of a server, on software Vulkan. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { softwareGpu } from '../inference/test-gpu.ts';
import { createLogger } from '../logging/logger.ts';
import { GpuControl, vectorsWorthAGpu } from './gpu.ts';

const environment = softwareGpu();
if (environment === undefined && process.env['CI'] !== undefined) {
  throw new Error('CI must have a software Vulkan driver (Debian: chromium).');
}
// The addon loads Chromium's own loader where the system has none; the driver it finds by this variable.
if (environment !== undefined) process.env['VK_ICD_FILENAMES'] = environment['VK_ICD_FILENAMES'];

const mebibyte = 1024 * 1024;
const software = { mode: 'auto', memoryBudget: 32 * mebibyte, allowSoftware: true } as const;
const folder = mkdtempSync(join(tmpdir(), 'tiercel-gpu-'));
const messages: string[] = [];
const logger = createLogger({});
logger.addSink(({ message }) => messages.push(message));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function opened(gpu: GpuControl): Promise<void> {
  await vi.waitFor(
    () => {
      expect(gpu.status.adapter).toBeDefined();
    },
    { timeout: 60_000 },
  );
}

test('auto leaves the GPU alone while there are few vectors, and off does for good', () => {
  const gpu = new GpuControl(logger, join(folder, 'idle'));
  gpu.apply(software, vectorsWorthAGpu - 1);
  expect(gpu.status).toMatchObject({ mode: 'auto', budget: 0 });
  expect(gpu.status.sentence).toMatch(/^Not opened: 99,999 vectors .* from 100,000 on\.$/);
  gpu.apply({ ...software, mode: 'off' }, 10 * vectorsWorthAGpu);
  expect(gpu.status.sentence).toBe('Turned off by tiercel.gpu.search: searches run on the CPU.');
  expect(existsSync(join(folder, 'idle'))).toBe(false);
});

test.skipIf(environment === undefined)('it is opened for many vectors, named, and given back', async () => {
  const gpu = new GpuControl(logger, join(folder, 'open'));
  gpu.apply(software, vectorsWorthAGpu);
  await opened(gpu);
  const { adapter, kind, budget, events } = gpu.status;
  expect(adapter).toContain('SwiftShader');
  expect({ kind, budget }).toEqual({ kind: 'software', budget: 32 * mebibyte });
  expect(events[0]?.message).toContain('is open');
  gpu.logEvents();
  expect(messages).toContain(`GPU: ${events[0]?.message ?? ''}`);
  gpu.apply(software, 0);
  expect(gpu.status.adapter, 'it stays when an index is closed').toBeDefined();
  expect(existsSync(join(folder, 'open', 'opening'))).toBe(false);
  await gpu.close();
  expect(gpu.status.adapter).toBeUndefined();
});

test.skipIf(environment === undefined)('a software adapter is refused by its name unless asked for', async () => {
  const gpu = new GpuControl(logger, join(folder, 'refused'));
  gpu.apply({ ...software, allowSoftware: false, mode: 'on' }, 0);
  await vi.waitFor(
    () => {
      expect(gpu.status.sentence).toMatch(/^Only software adapters were found.*SwiftShader/);
    },
    { timeout: 60_000 },
  );
  expect(gpu.status).toMatchObject({ mode: 'on', budget: 0, searches: 0 });
  await gpu.close();
});

test.skipIf(environment === undefined)(
  'a driver that ended the server is tried again only when asked for',
  async () => {
    const directory = join(folder, 'open');
    writeFileSync(join(directory, 'opening'), '');
    const gpu = new GpuControl(logger, directory);
    gpu.apply(software, vectorsWorthAGpu);
    expect(gpu.status.sentence).toContain('ended the server when it was opened last time');
    gpu.apply({ ...software, mode: 'on' }, vectorsWorthAGpu);
    await opened(gpu);
    expect(existsSync(join(directory, 'opening'))).toBe(false);
    await gpu.close();
  },
);
