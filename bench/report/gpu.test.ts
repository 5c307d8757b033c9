import { expect, it } from 'vitest';
import { thisMachine } from '../machine.ts';
import type { CallResult, ModeResult } from '../gpu/search.ts';
import { differences, gpuTables, type GpuReport } from './gpu.ts';

const cost = (ms: number, rows: number, queries: number): { ms: number; rows: number; queries: number } => ({
  ms,
  rows,
  queries,
});
const batch = {
  kernel: 'f32',
  rows: 100_000,
  queries: 1024,
  bytes: 307_200_000,
  gpuMs: 20,
  runs: 21,
  simd: cost(40_000, 100_000, 256),
  simdThreads: cost(4000, 100_000, 1024),
  scalar: cost(100_000, 20_000, 8),
  compared: 8,
  equal: true,
};
const single = {
  ...batch,
  kernel: '1 bit',
  queries: 1,
  bytes: 10_400_000,
  gpuMs: 0.1,
  simd: cost(0.3, 100_000, 1),
  simdThreads: cost(0.2, 100_000, 1),
  scalar: cost(100, 20_000, 1),
};
const call = (recall: number): CallResult => ({ calls: 9, p50: 1, p90: 2, recall, compared: 50, byGpu: 1 });
const mode = (name: ModeResult['mode'], recall: number): ModeResult => ({
  mode: name,
  sentence: 'It is said.',
  pageBytes: 1,
  equal: true,
  single: call(recall),
  batch: call(recall),
});

const report: GpuReport = {
  version: 1,
  date: '2026-01-01T00:00:00.000Z',
  machine: thisMachine(),
  device: {
    name: 'A card',
    vendor: 'A vendor',
    driver: 'driver 1.2',
    backend: 'vulkan',
    kind: 'discrete',
    packed: true,
    dimension: 768,
    simd: 'avx512',
    threads: 16,
  },
  peak: { bytes: 2 ** 28, copies: 100, ms: 100, gbPerSecond: 416 },
  kernels: [single, batch],
  skipped: [{ kernel: 'f32', rows: 1_000_000, queries: 1, reason: 'no room' }],
  indexes: [
    { label: 'a mixture', count: 100_000, index: 'cells', k: 10, modes: [mode('off', 0.98), mode('on', 0.99)] },
  ],
};

it('sets the time in proportion to the peak, the SIMD kernels and the scalar loop', () => {
  const text = gpuTables(report);
  const row = (start: string): string[] =>
    (
      text
        .split('\n')
        .filter((line) => line.startsWith(start))
        .at(-1) ?? ''
    )
      .split('|')
      .map((cell) => cell.trim());
  expect(text).toContain('A card (A vendor, discrete), driver driver 1.2, vulkan');
  // 10.4 MB in 0.1 ms are 104 GB/s.
  expect(text).toMatch(/\| 1 bit .*\| +104 \| 25% +\| yes \(8\)/);
  expect(row('| f32 ').slice(4, -1)).toEqual(['20', '~40000', '4000', '~100000', '2000x', '200x', '5000x']);
  expect(row('| 1 bit ').slice(4, -1)).toEqual(['0.1', '0.3', '0.2', '~100', '3x', '2x', '1000x']);
  expect(text).toContain('Not measured, no room (queries x vectors): f32 1 x 1,000,000.');
  expect(text).not.toContain('nothing about speed');
});

it('says of software that it proves no speed, and compares none', () => {
  const text = gpuTables({ ...report, device: { ...report.device, kind: 'software' } });
  expect(text).toContain('nothing about speed');
  expect(text).not.toContain('5000x');
});

it('names every result that is not the processor’s', () => {
  expect(differences(report)).toEqual([]);
  const [index] = report.indexes;
  if (index === undefined) throw new Error('There is one.');
  const worse = { ...index, modes: [mode('off', 0.98), mode('on', 0.96), { ...mode('auto', 0.98), equal: false }] };
  const wrong = { ...report, kernels: [single, { ...batch, equal: false }], indexes: [worse] };
  expect(differences(wrong)).toEqual([
    "f32, 100000 vectors, 1024 queries: the GPU's results differ.",
    'Index of 100000 vectors, tiercel.gpu.search on: recall is lower than without the GPU.',
    'Index of 100000 vectors, tiercel.gpu.search auto: It is said.',
  ]);
  expect(gpuTables(wrong)).not.toContain('Every result is equal');
});
