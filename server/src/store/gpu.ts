/** The GPU below all embedded stores of this process. */
import type { GpuStatus } from '../../../protocol/status.ts';
import { gpuFigures, settle } from '../native/index.ts';
import type { ResolvedGpuSettings } from '../settings/engine.ts';

/**
 * Opens the GPU, or closes it, for all stores that are open or will be. Searches go on meanwhile.
 *
 * @param pipelineCache folder for compiled kernels
 * @returns whether one is open; why not, {@link gpuStatus} says
 */
export function configureGpu(settings: ResolvedGpuSettings, pipelineCache: string): Promise<boolean> {
  return settle((native) => native.configureGpu({ ...settings, pipelineCache }));
}

/** Opens the GPU as a search would and closes it again: what there is, or why nothing is, as a sentence. */
export async function tryGpu(settings: ResolvedGpuSettings, pipelineCache: string): Promise<string> {
  const open = await configureGpu(settings, pipelineCache);
  const { sentence, adapter = '', kind = '', driver = '', budget } = gpuStatus();
  if (!open) return sentence;
  await configureGpu({ ...settings, mode: 'off' }, pipelineCache);
  const mebibytes = Math.floor(budget / 1024 ** 2).toLocaleString('en');
  return `${adapter} (${kind}; ${driver}), ${mebibytes} MiB of its memory may be used`;
}

/** What is open, or why nothing is. */
export function gpuStatus(): Omit<GpuStatus, 'mode'> {
  const { pages: _, pageBytes: vectors, ...figures } = gpuFigures();
  return { ...figures, vectors };
}
