/** The kernels' own bench, a Rust program: native/gpu/examples/kernels. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { log } from '../log.ts';
import type { GpuBenchOptions } from '../options.ts';
import { sourceRoot } from '../places.ts';

export interface Device {
  name: string;
  vendor: string;
  driver: string;
  /** `vulkan`, `metal` or `dx12`. */
  backend: string;
  /** `discrete`, `integrated`, `virtual`, `software` or `other`. */
  kind: string;
  /** Whether products of bytes use an instruction of the device. */
  packed: boolean;
  /** Components of the vectors that were compared. */
  dimension: number;
  /** What the processor's kernels use. */
  simd: string;
  /** Of the processor. */
  threads: number;
}

/** A copy within the device's memory, the fastest of some. */
export interface Peak {
  /** Of one copy. */
  bytes: number;
  copies: number;
  ms: number;
  /** Bytes read and bytes written, added up, in 10^9 a second. */
  gbPerSecond: number;
}

/** Milliseconds for all vectors and queries; timed on so many of them, and extrapolated where these are fewer. */
export interface Cost {
  ms: number;
  rows: number;
  queries: number;
}

export interface KernelResult {
  kernel: string;
  rows: number;
  queries: number;
  /** Of all codes, read once. */
  bytes: number;
  /** Median, from the call to the answer: candidates of 1-bit codes, else the best ten rows. */
  gpuMs: number;
  runs: number;
  /** The processor's kernel with one thread, and with all. */
  simd: Cost;
  simdThreads: Cost;
  /** A loop over floats without SIMD. */
  scalar: Cost;
  /** Queries whose answers were compared with the processor's over all vectors. */
  compared: number;
  equal: boolean;
}

export interface Skipped {
  kernel: string;
  rows: number;
  queries: number;
  reason: string;
}

export interface KernelReport {
  device: Device;
  peak: Peak;
  kernels: KernelResult[];
  skipped: Skipped[];
}

type Line =
  | ({ type: 'device' } & Device)
  | ({ type: 'peak' } & Peak)
  | ({ type: 'kernel' } & KernelResult)
  | ({ type: 'skipped' } & Skipped);

/** @throws Error that says what to install when there is no adapter, or no cargo */
export async function measureKernels(options: GpuBenchOptions, env: NodeJS.ProcessEnv): Promise<KernelReport> {
  const target = process.env['CARGO_TARGET_DIR'];
  if (target === undefined) throw new Error('Run the bench by npm run bench.');
  log('building the kernels of the bench (the first time takes minutes)');
  const native = join(sourceRoot(), 'native');
  await cargo(['build', '--release', '--locked', '--package', 'tiercel-gpu', '--example', 'kernels'], native);
  const program = join(target, 'release', 'examples', process.platform === 'win32' ? 'kernels.exe' : 'kernels');
  return read(program, options, env);
}

async function cargo(args: string[], cwd: string): Promise<void> {
  const child = spawn('cargo', args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'exit').catch(() => {
    throw new Error('There is no cargo, which builds the kernels: install Rust (https://rustup.rs).');
  })) as [number | null];
  if (code !== 0) throw new Error('cargo failed, see above.');
}

async function read(program: string, options: GpuBenchOptions, env: NodeJS.ProcessEnv): Promise<KernelReport> {
  const { sizes, queries, dimension, software } = options;
  const args = ['--rows', sizes.join(','), '--queries', String(queries), '--dimension', String(dimension)];
  const child = spawn(program, software ? [...args, '--software'] : args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  let device: Device | undefined;
  let peak: Peak | undefined;
  const kernels: KernelResult[] = [];
  const skipped: Skipped[] = [];
  for await (const text of createInterface({ input: child.stdout })) {
    // The program is built from this source tree.
    const { type, ...line } = JSON.parse(text) as Line;
    switch (type) {
      case 'device':
        device = line as Device;
        log(`${device.name} (${device.kind}, ${device.backend}, ${device.driver})`);
        break;
      case 'peak':
        peak = line as Peak;
        break;
      case 'kernel': {
        const result = line as KernelResult;
        kernels.push(result);
        log(`${result.kernel}, ${result.rows} vectors, ${result.queries} queries: ${result.gpuMs.toPrecision(3)} ms`);
        break;
      }
      case 'skipped':
        skipped.push(line as Skipped);
    }
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  if (device === undefined) throw new Error(`${complaint.trim()}\n${remedy(software)}`);
  if (code !== 0 || peak === undefined) {
    throw new Error(`The kernels' bench ended with ${signal ?? `code ${String(code)}`}. ${complaint.trim()}`);
  }
  return { device, peak, kernels, skipped };
}

/** What brings an adapter. */
function remedy(software: boolean): string {
  const lines: Partial<Record<NodeJS.Platform, string>> = {
    darwin: 'A Mac has Metal without an installation; a virtual machine may not.',
    win32: "Install the graphics card's driver from its vendor.",
  };
  const driver =
    lines[process.platform] ??
    "Install the graphics card's Vulkan driver (NVIDIA: its own driver; AMD, Intel: sudo apt-get install -y mesa-vulkan-drivers).";
  if (software)
    return 'Software Vulkan: sudo apt-get install -y chromium (SwiftShader), or mesa-vulkan-drivers (llvmpipe).';
  return `${driver} Without a graphics card, --software proves correctness on software Vulkan.`;
}
