/** What the engine may take and how it searches: the wishes of all clients of a server and this machine, resolved. */
import { statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname } from 'node:path';
import {
  leastMemoryBudget,
  settingsSchema,
  type CachePolicy,
  gpuModes,
  type EngineSettings,
  type GpuMode,
  type RecallLevel,
  type SearchIndex,
} from '../../../protocol/settings.ts';
import { cacheHome } from './paths.ts';

/** Settings of the engine with nothing left to decide. */
export interface ResolvedEngineSettings {
  /** Bytes. */
  memoryBudget: number;
  /** Bytes per repository. */
  diskBudget: number;
  /** Of all open indexes together; 0: no limit. */
  maxVectors: number;
  policy: CachePolicy;
  /** 0: the engine decides. */
  threads: number;
  index: SearchIndex;
  recall: RecallLevel;
  gpu: ResolvedGpuSettings;
}

export interface ResolvedGpuSettings {
  mode: GpuMode;
  /** Bytes; 0: what is free less a reserve. */
  memoryBudget: number;
  allowSoftware: boolean;
}

export interface Machine {
  /** Bytes of memory that this process can have at most: the machine's, or its control group's. */
  memory: number;
  /** Bytes free where indexes are kept. */
  freeDisk: number;
  /** Variables of the server's environment. */
  environment: NodeJS.ProcessEnv;
}

const mebibyte = 1024 * 1024;
const smallestDefaultMemory = 256 * mebibyte;
const largestDefaultMemory = 2048 * mebibyte;
const smallestDefaultDisk = 1024 * mebibyte;
const largestDefaultDisk = 10 * 1024 * mebibyte;

const defaults: EngineSettings = settingsSchema.parse({});

/**
 * @param wishes settings of the connected clients, the latest last: a value other than its default is a wish, and the
 * latest one counts
 */
export function resolveEngineSettings(wishes: readonly EngineSettings[], machine: Machine): ResolvedEngineSettings {
  const wished = <T>(value: (settings: EngineSettings) => T): T =>
    wishes.map(value).findLast((wish) => wish !== value(defaults)) ?? value(defaults);
  const { environment } = machine;
  const memory =
    wished(({ memory: { budget } }) => budget) || budgetIn(environment, 'TIERCEL_MEMORY_BUDGET', leastMemoryBudget);
  const disk = wished(({ disk: { budget } }) => budget) || budgetIn(environment, 'TIERCEL_DISK_BUDGET', 1);
  return {
    memoryBudget: memory * mebibyte || within(machine.memory / 8, smallestDefaultMemory, largestDefaultMemory),
    diskBudget: disk * mebibyte || within(machine.freeDisk / 10, smallestDefaultDisk, largestDefaultDisk),
    maxVectors: wished((settings) => settings.memory.maxVectors),
    policy: wished((settings) => settings.memory.policy),
    threads: wished((settings) => settings.search.threads),
    index: wished((settings) => settings.search.index),
    recall: wished((settings) => settings.search.recall),
    gpu: resolveGpu(
      wished(({ gpu }) => gpu.search),
      wished(({ gpu }) => gpu.memoryBudget),
      wished(({ gpu }) => gpu.allowSoftware),
      environment,
    ),
  };
}

/** What nobody wishes otherwise, the environment says: TIERCEL_GPU, TIERCEL_GPU_MEMORY and TIERCEL_GPU_SOFTWARE. */
function resolveGpu(
  wished: GpuMode,
  memory: number,
  allowSoftware: boolean,
  environment: NodeJS.ProcessEnv,
): ResolvedGpuSettings {
  const named = gpuModes.find((mode) => mode === environment['TIERCEL_GPU']);
  const mode = wished === defaults.gpu.search ? (named ?? wished) : wished;
  const memoryBudget = (memory || budgetIn(environment, 'TIERCEL_GPU_MEMORY', 1)) * mebibyte;
  return { mode, memoryBudget, allowSoftware: allowSoftware || environment['TIERCEL_GPU_SOFTWARE'] === '1' };
}

/** The machine this process runs on. */
export function thisMachine(): Machine {
  // What no control group limits reads as 0, or as more than there is.
  const limit = process.constrainedMemory();
  return {
    memory: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
    freeDisk: freeBytes(cacheHome()),
    environment: process.env,
  };
}

/** Bytes free on the disk of a folder that need not exist yet; 0 where that cannot be told. */
function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return dirname(folder) === folder ? 0 : freeBytes(dirname(folder));
  }
}

/** MiB; 0 when the variable is absent or no number of at least `least`. */
function budgetIn(environment: NodeJS.ProcessEnv, name: string, least: number): number {
  const value = Number(environment[name]);
  return Number.isInteger(value) && value >= least ? value : 0;
}

function within(value: number, least: number, most: number): number {
  return Math.floor(Math.min(Math.max(value, least), most));
}
