import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DataName } from '../data/catalog.ts';
import { openData } from '../data/catalog.ts';
import { log } from '../log.ts';
import { thisMachine } from '../machine.ts';
import type { GpuBenchOptions } from '../options.ts';
import { benchFolder } from '../places.ts';
import { runApart } from '../processes.ts';
import { differences, gpuTables, type GpuReport, type IndexReport } from '../report/gpu.ts';
import { measureKernels } from './kernels.ts';

const k = 10;
/** Multiplications of the truth that a loop does in seconds (truth.ts). */
const truthWork = 4e9;
/** Where Debian's chromium has SwiftShader. */
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** @returns the exit code: 1 when the GPU gave anything that the processor did not */
export async function benchGpu(options: GpuBenchOptions): Promise<number> {
  const { json, software } = options;
  if (software) chooseSoftware();
  const date = new Date().toISOString();
  const kernels = await measureKernels(options, process.env);
  const report: GpuReport = { version: 1, date, machine: thisMachine(), ...kernels, indexes: [] };
  // What is measured is kept, whatever happens to the next.
  if (json !== undefined) write(json, report);
  for (const count of options.indexes) {
    report.indexes.push(await benchIndex(count, options));
    if (json !== undefined) write(json, report);
  }
  process.stdout.write(`${gpuTables(report)}\n`);
  return differences(report).length === 0 ? 0 : 1;
}

/** The loader finds the driver by the environment, which the processes of the bench inherit. */
function chooseSoftware(): void {
  const { VK_ICD_FILENAMES, VK_DRIVER_FILES } = process.env;
  if (VK_ICD_FILENAMES === undefined && VK_DRIVER_FILES === undefined && existsSync(swiftShader)) {
    process.env['VK_ICD_FILENAMES'] = swiftShader;
  }
}

async function benchIndex(count: number, { dimension, software }: GpuBenchOptions): Promise<IndexReport> {
  const queries = Math.min(200, Math.max(50, Math.floor(truthWork / (count * dimension))));
  const data: DataName = { kind: 'mixture', count, dimension, seed: 1, queries };
  const { id, label } = openData(data);
  const folder = join(benchFolder(), 'indexes', id, 'gpu');
  try {
    log(`building an index of ${count} vectors`);
    await runApart({ kind: 'build', contender: 'tiercel', data, folder });
    log('searching it with the GPU and without');
    const measured = { rounds: software ? 1 : 3, patienceMs: software ? 2000 : 3000 };
    return { label, count, k, ...(await runApart({ kind: 'gpu', data, folder, k, software, ...measured })) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(file: string, report: GpuReport): void {
  mkdirSync(dirname(file), { recursive: true });
  const rounded = (_key: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
  writeFileSync(file, `${JSON.stringify(report, rounded, 1)}\n`);
}
