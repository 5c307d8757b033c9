import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchLimits } from './batch-limits.ts';
import { BatchSize, isOutOfMemory } from './batch-size.ts';
import { deviceName } from './device.ts';
import { floatsOfHalves } from './half.ts';
import { placementIn } from './placement.ts';
import { pool } from './pooling.ts';
import { maxSim } from './scoring.ts';
import { objectionTo } from './self-test.ts';

describe('pooling', () => {
  // One row of two tokens and one of padding, two dimensions.
  const tokens = Float32Array.of(3, 4, 1, 0, 9, 9);

  it('takes the mean, the first or the last token, without padding, at unit length', () => {
    const mean = Math.hypot(2, 2);
    expect([...pool(tokens, 'mean', [2], 3, 2)]).toEqual([2 / mean, 2 / mean].map(Math.fround));
    expect([...pool(tokens, 'cls', [2], 3, 2)]).toEqual([0.6, 0.8].map(Math.fround));
    expect([...pool(tokens, 'last', [2], 3, 2)]).toEqual([1, 0]);
    expect([...pool(Float32Array.of(0, 5), 'none', [2], 3, 2)]).toEqual([0, 1]);
    expect([...pool(Float32Array.of(0, 0), 'none', [2], 3, 2)]).toEqual([0, 0]);
  });
});

it('reads half floats', () => {
  const halves = Uint16Array.of(0x0000, 0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x7e00);
  expect([...floatsOfHalves(halves)]).toEqual([
    0,
    1,
    -2,
    0.333251953125,
    2 ** -24,
    65_504,
    Infinity,
    -Infinity,
    Number.NaN,
  ]);
});

it('scores late interaction by the best partner of each token', () => {
  const [x, y] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
  expect(maxSim([x, y], [x])).toBe(0.5);
  expect(maxSim([x, y], [y, x])).toBe(1);
  expect(maxSim([], [x])).toBe(0);
});

it('tells nodes that fell back from those that ran where they should', () => {
  const event = (name: string, provider: string, operator: string): object => ({
    cat: 'Node',
    name,
    args: { provider, op_name: operator },
  });
  const profile = JSON.stringify([
    { cat: 'Session', name: 'model_loading_uri', args: {} },
    event('a_kernel_time', 'WebGpuExecutionProvider', 'MatMul'),
    event('b_kernel_time', 'CPUExecutionProvider', 'Shape'),
    event('c_kernel_time', 'CPUExecutionProvider', 'Shape'),
    event('c_kernel_time', 'CPUExecutionProvider', 'Shape'),
  ]);
  expect(placementIn(profile, 'webgpu')).toEqual({ nodes: 3, onCpu: 2, cpuOperators: ['Shape'] });
  expect(placementIn(profile, 'cpu')).toEqual({ nodes: 3, onCpu: 0, cpuOperators: [] });
  expect(() => placementIn('{', 'cpu')).toThrow();
});

describe('the size of batches', () => {
  it('stays within its bounds whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 5000 }))), (events) => {
        const size = new BatchSize();
        let ceiling = Number.POSITIVE_INFINITY;
        for (const [ranOut, ms] of events) {
          if (ranOut) ceiling = Math.min(ceiling, size.ranOut(size.tokens) ?? ceiling);
          else size.ran(size.tokens, ms);
          expect(size.tokens).toBeGreaterThanOrEqual(64);
          expect(size.tokens).toBeLessThanOrEqual(Math.max(64, Math.min(ceiling, 32_768)));
        }
      }),
    );
  });

  it('knows what the providers say when memory is short', () => {
    for (const message of [
      'Failed to allocate memory for requested buffer of size 268435456',
      'CUDA failure 2: out of memory ; GPU=0',
      'std::bad_alloc',
      'Device lost: VK_ERROR_OUT_OF_DEVICE_MEMORY ... out_of_memory',
    ]) {
      expect(isOutOfMemory(new Error(message))).toBe(true);
    }
    expect(isOutOfMemory(new Error('Invalid input name: x'))).toBe(false);
  });

  it('is remembered per device and model, and a damaged file forgotten', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tiercel-limits-'));
    const path = join(folder, 'inference', 'batches.json');
    const problems: unknown[] = [];
    const limits = new BatchLimits(path, (error) => problems.push(error));
    expect(limits.ceiling('webgpu a', 'm')).toBeUndefined();
    limits.remember('webgpu a', 'm', 512);
    limits.remember('webgpu b', 'm', 128);
    await limits.settled();
    const again = new BatchLimits(path, (error) => problems.push(error));
    expect([again.ceiling('webgpu a', 'm'), again.ceiling('webgpu b', 'm')]).toEqual([512, 128]);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ 'webgpu a / m': 512, 'webgpu b / m': 128 });
    await writeFile(path, '{');
    expect(again.ceiling('webgpu a', 'm')).toBeUndefined();
    expect(problems).toEqual([]);
    await rm(folder, { recursive: true });
  });

  it('belongs to a device that has a name', () => {
    expect(deviceName('cpu')).toMatch(/^cpu/);
    expect(deviceName('webgpu')).not.toBe(deviceName('cuda'));
  });
});

it('objects to a provider that computes something else or is not faster', () => {
  expect(objectionTo({ cosine: 0.999 })).toBeUndefined();
  expect(objectionTo({ cosine: Number.NaN })).toContain('differ');
  expect(objectionTo({ cosine: 1, cpuMs: 100, providerMs: 60 })).toContain('not 2 times as fast');
  expect(objectionTo({ cosine: 1, cpuMs: 100, providerMs: 50 })).toBeUndefined();
});
