import { batchQueries, type CallResult, type GpuResult, type ModeResult } from '../gpu/search.ts';
import type { Cost, KernelReport, KernelResult, Skipped } from '../gpu/kernels.ts';
import type { Machine } from '../machine.ts';
import { figure, headline, table } from './table.ts';

/** What `--json` of `bench -- gpu` holds. */
export interface GpuReport extends KernelReport {
  version: 1;
  date: string;
  machine: Machine;
  indexes: IndexReport[];
}

export interface IndexReport extends GpuResult {
  label: string;
  count: number;
  /** Neighbours asked for. */
  k: number;
}

/** Recall that searches with the GPU may lack: none is lost but where queries happen to be few. */
const tolerance = 0.01;

/** A sentence per result of the GPU that the processor does not give. */
export function differences({ kernels, indexes }: GpuReport): string[] {
  const wrong = kernels.filter(({ equal }) => !equal);
  return [
    ...wrong.map(
      ({ kernel, rows, queries }) => `${kernel}, ${rows} vectors, ${queries} queries: the GPU's results differ.`,
    ),
    ...indexes.flatMap(({ count, modes }) => {
      const off = modes.find(({ mode }) => mode === 'off');
      const lost = (kind: 'single' | 'batch', mode: ModeResult): boolean =>
        mode[kind].recall < (off?.[kind].recall ?? 0) - tolerance;
      return modes.flatMap((mode) => {
        const place = `Index of ${count} vectors, tiercel.gpu.search ${mode.mode}`;
        if (!mode.equal) return [`${place}: ${mode.sentence}`];
        return lost('single', mode) || lost('batch', mode) ? [`${place}: recall is lower than without the GPU.`] : [];
      });
    }),
  ];
}

/** Tables for the terminal, in Markdown. */
export function gpuTables(report: GpuReport): string {
  const { date, machine, device, peak, kernels, skipped, indexes } = report;
  const software = device.kind === 'software';
  const wrong = differences(report);
  const packed = device.packed ? 'packed products of bytes' : 'no packed products of bytes';
  return [
    headline(date, machine),
    `GPU: ${device.name} (${device.vendor}, ${device.kind}), driver ${device.driver}, ${device.backend}, ${packed}`,
    ...(software
      ? ['**Software Vulkan: this proves that the results are right, and nothing about speed.** No GPU was measured.']
      : []),
    `Peak: ${figure(peak.gbPerSecond)} GB/s, a copy of ${figure(peak.bytes / 2 ** 20)} MiB from one buffer of the device to another, bytes read and written added up.`,
    `## Kernels, ${device.dimension} components`,
    kernelTable(kernels, peak.gbPerSecond, device.dimension),
    ...(software ? [] : [speedTable(report)]),
    ...skippedLines(skipped),
    ...indexes.map(indexTable),
    wrong.length === 0 ? 'Every result is equal to the CPU’s.' : wrong.join('\n'),
  ].join('\n\n');
}

/** Bandwidth where every code is read once, for one query; with more of them a code is read once for several. */
function kernelTable(kernels: KernelResult[], peak: number, dimension: number): string {
  const rows = kernels.map(({ kernel, rows, queries, bytes, gpuMs, compared, equal }) => {
    const rate = bytes / gpuMs / 1e6;
    const pairs = (rows * queries) / gpuMs / 1e3;
    return [
      kernel,
      rows.toLocaleString('en'),
      queries.toLocaleString('en'),
      figure(gpuMs),
      figure(pairs),
      kernel === '1 bit' ? '-' : figure((pairs * dimension) / 1e3),
      queries === 1 ? figure(rate) : '-',
      queries === 1 ? `${figure((100 * rate) / peak)}%` : '-',
      equal ? `yes (${compared})` : 'NO',
    ];
  });
  const head = ['kernel', 'vectors', 'queries', 'ms', '10^6 vectors/s', '10^9 products/s', 'GB/s', 'of peak'];
  return table([...head, 'equal (queries compared)'], rows);
}

function speedTable({ kernels, device }: GpuReport): string {
  const rows = kernels.map(({ kernel, rows, queries, gpuMs, simd, simdThreads, scalar }) => {
    const cost = (cost: Cost): string =>
      cost.rows < rows || cost.queries < queries ? `~${figure(cost.ms)}` : figure(cost.ms);
    const others = [simd, simdThreads, scalar];
    return [
      kernel,
      rows.toLocaleString('en'),
      queries.toLocaleString('en'),
      figure(gpuMs),
      ...others.map(cost),
      ...others.map(({ ms }) => `${figure(ms / gpuMs)}x`),
    ];
  });
  const [one, all, scalar] = [`${device.simd}, 1 thread`, `${device.simd}, ${device.threads} threads`, 'scalar f32'];
  const head = ['kernel', 'vectors', 'queries', 'GPU ms', `${one} ms`, `${all} ms`, `${scalar} ms`];
  return `${table([...head, `GPU to ${one}`, `to ${all}`, `to ${scalar}`], rows)}

~: timed on a part of the vectors or queries and extrapolated; the JSON says on how many. The scalar loop compares floats, one thread, sums in order.`;
}

/** A line per reason. */
function skippedLines(skipped: Skipped[]): string[] {
  return [...new Set(skipped.map(({ reason }) => reason))].map((reason) => {
    const sizes = skipped
      .filter((size) => size.reason === reason)
      .map(({ kernel, rows, queries }) => `${kernel} ${queries.toLocaleString('en')} x ${rows.toLocaleString('en')}`);
    return `Not measured, ${reason} (queries x vectors): ${sizes.join('; ')}.`;
  });
}

function indexTable({ label, count, index, k, modes }: IndexReport): string {
  const call = ({ p50, recall, byGpu }: CallResult): string[] => [
    figure(p50),
    recall.toFixed(4),
    `${figure(100 * byGpu)}%`,
  ];
  const rows = modes.map(({ mode, single, batch }) => [mode, ...call(single), ...call(batch)]);
  const columns = (calls: string): string[] => [`${calls}, p50 ms`, `recall@${k}`, 'GPU took part'];
  return `## Searches of an index (${index}) of ${count.toLocaleString('en')} vectors, ${label}

${table(['tiercel.gpu.search', ...columns('one query'), ...columns(`${batchQueries} queries`)], rows)}

Recall of the first ${modes[0]?.single.compared ?? 0} queries by themselves, and of ${modes[0]?.batch.compared ?? 0} in batches.

${modes.map(({ mode, sentence }) => `${mode}: ${sentence}`).join('\n')}`;
}
