/** On what onnxruntime computes. */
import type { InferenceProvider } from '../../../protocol/settings.ts';

export const executionProviders = ['cpu', 'webgpu', 'cuda', 'directml', 'coreml'] as const;
export type ExecutionProvider = (typeof executionProviders)[number];

export const gpuProviders: ReadonlySet<ExecutionProvider> = new Set(['webgpu', 'cuda', 'directml', 'coreml']);

/** Names of the binding, and of the provider in a profile. */
export const runtimeNames: Record<ExecutionProvider, { option: string; profile: string }> = {
  cpu: { option: 'cpu', profile: 'CPUExecutionProvider' },
  webgpu: { option: 'webgpu', profile: 'WebGpuExecutionProvider' },
  cuda: { option: 'cuda', profile: 'CUDAExecutionProvider' },
  directml: { option: 'dml', profile: 'DmlExecutionProvider' },
  coreml: { option: 'coreml', profile: 'CoreMLExecutionProvider' },
};

/** As a person calls it. */
export const providerTitles: Record<ExecutionProvider, string> = {
  cpu: 'the CPU',
  webgpu: 'WebGPU',
  cuda: 'CUDA',
  directml: 'DirectML',
  coreml: 'CoreML',
};

/** GPUs that `auto` tries, in this order; the fastest that passes the self-test is used. */
export function gpuCandidates(platform: NodeJS.Platform = process.platform): ExecutionProvider[] {
  switch (platform) {
    case 'win32':
      return ['webgpu', 'directml', 'cuda'];
    case 'darwin':
      return ['webgpu', 'coreml'];
    default:
      return ['webgpu', 'cuda'];
  }
}

/** Where a provider can exist at all. */
export function isForPlatform(provider: InferenceProvider, platform: NodeJS.Platform = process.platform): boolean {
  if (provider === 'directml') return platform === 'win32';
  if (provider === 'coreml') return platform === 'darwin';
  if (provider === 'cuda') return platform !== 'darwin';
  return true;
}
