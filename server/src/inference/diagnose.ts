/** What this machine can run models on, for a person who wonders why it is not the GPU. */
import { arch, availableParallelism, cpus, platform } from 'node:os';
import { messageOf } from '../../../protocol/errors.ts';
import type { InferenceProvider } from '../../../protocol/settings.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { chooseProvider } from './choose.ts';
import type { ModelCatalog, ResolvedModel } from './models/catalog.ts';
import { checkFiles } from './models/install.ts';
import { probeProvider } from './probe.ts';
import { gpuCandidates, gpuProviders, isForPlatform, type ExecutionProvider } from './providers.ts';
import { knownProviders } from './runtime.ts';

export interface ProviderFinding {
  provider: ExecutionProvider;
  usable: boolean;
  /** Why not, as a clause; undefined when usable. */
  reason?: string;
  /** Nodes of the graph, and those that fell back to the CPU. */
  nodes?: number;
  nodesOnCpu?: number;
  cpuOperators?: string[];
  /** Times as fast as one thread of the CPU. */
  speedUp?: number;
}

export interface Diagnosis {
  system: string;
  processor: string;
  cores: number;
  /** Providers that the runtime knows; empty when it cannot be loaded. */
  runtime: ExecutionProvider[];
  model: string;
  /** What would run the model if it may use the CPU; undefined when nothing can. */
  provider?: ExecutionProvider;
  /** A sentence. */
  why: string;
  findings: ProviderFinding[];
  /** A sentence per thing that is wrong. */
  problems: string[];
}

export interface DiagnoseOptions {
  catalog: ModelCatalog;
  command: ProcessCommand;
  model: string;
  provider: InferenceProvider;
  /** Of one self-test, milliseconds. */
  limitMs: number;
}

/** Tries every provider that this system can have. Takes seconds, a minute where a GPU is emulated. Never throws. */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const problems: string[] = [];
  const note = (error: unknown): undefined => {
    problems.push(messageOf(error));
    return undefined;
  };
  const base = {
    system: `${platform()}-${arch()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    runtime: runtimeProviders(note),
    model: options.model,
    problems,
  };
  const model = await options.catalog.resolve(options.model).catch(note);
  if (model === undefined) return { ...base, why: 'There is no model to run.', findings: [] };
  problems.push(
    ...(await checkFiles(await options.catalog.find(options.model)).catch((error: unknown) => [messageOf(error)])),
  );
  const wanted = options.provider;
  const named = gpuProviders.has(wanted as ExecutionProvider) ? [wanted as ExecutionProvider] : [];
  const findings: ProviderFinding[] = [];
  for (const provider of new Set([...gpuCandidates(), ...named])) {
    findings.push(await findingOf(model, provider, options));
  }
  const chosen = await chooseProvider({ ...options, model, cpuAllowed: true }).catch(note);
  if (chosen === undefined)
    return { ...base, model: model.info.id, why: 'Nothing can run the model as asked.', findings };
  return { ...base, model: model.info.id, provider: chosen.provider, why: chosen.why, findings };
}

function runtimeProviders(note: (error: unknown) => void): ExecutionProvider[] {
  try {
    return knownProviders();
  } catch (error) {
    note(error);
    return [];
  }
}

async function findingOf(
  model: ResolvedModel,
  provider: ExecutionProvider,
  { command, limitMs }: DiagnoseOptions,
): Promise<ProviderFinding> {
  if (!isForPlatform(provider)) return { provider, usable: false, reason: 'it does not exist on this system' };
  const probe = await probeProvider({ model, provider, command, test: 'timed', limitMs });
  if (!probe.passed) return { provider, usable: false, reason: probe.reason };
  const { nodes, onCpu: nodesOnCpu, cpuOperators } = probe.placement;
  const { cpuMs, providerMs } = probe.comparison ?? {};
  const speedUp = cpuMs === undefined || providerMs === undefined ? {} : { speedUp: cpuMs / providerMs };
  return { provider, usable: true, nodes, nodesOnCpu, cpuOperators, ...speedUp };
}
