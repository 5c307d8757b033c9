import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { GpuReport } from '../report/gpu.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'tiercel-bench-gpu-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bench(args: string[], env: NodeJS.ProcessEnv = {}): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(root, 'scripts', 'bench.mjs'), 'gpu', '--quick', ...args], {
    encoding: 'utf8',
    env: { ...process.env, TIERCEL_HOME: join(folder, 'home'), ...env },
  });
}

// The first build of the kernels takes minutes.
it('proves the kernels and an index right on software Vulkan', { timeout: 900_000 }, ({ skip }) => {
  const json = join(folder, 'gpu.json');
  const { status, stdout, stderr } = bench(['--software', '--json', json]);
  // A machine without software Vulkan is told so; CI has it.
  if (process.env['CI'] === undefined && stderr.includes('apt-get install -y chromium')) skip('no adapter');
  expect(status, stderr).toBe(0);
  const { device, peak, kernels, skipped, indexes } = JSON.parse(readFileSync(json, 'utf8')) as GpuReport;
  expect(device.driver).not.toBe('');
  expect(peak.gbPerSecond).toBeGreaterThan(0);
  expect(skipped).toEqual([]);
  expect(new Set(kernels.map(({ kernel }) => kernel))).toEqual(
    new Set(['1 bit', 'f32', 'int8, unpacked', 'int8, packed']),
  );
  expect(kernels.every(({ equal, compared }) => equal && compared > 0)).toBe(true);
  const [off, on] = indexes[0]?.modes ?? [];
  expect([off?.single.byGpu, on?.single.byGpu, on?.batch.byGpu]).toEqual([0, 1, 1]);
  expect(on?.batch.recall).toBeGreaterThan(0.95);
  expect(stdout).toContain('Every result is equal');
  if (device.kind === 'software') expect(stdout).toContain('nothing about speed');
});

it.runIf(process.platform === 'linux')('says what to install where there is no adapter', { timeout: 900_000 }, () => {
  const nowhere = join(folder, 'no-driver.json');
  const { status, stdout, stderr } = bench([], { VK_ICD_FILENAMES: nowhere, VK_DRIVER_FILES: nowhere });
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain('No GPU driver was found');
  expect(stderr).toContain('Vulkan driver');
  expect(stderr).toContain('--software');
});
