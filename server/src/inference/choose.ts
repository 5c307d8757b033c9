/** Which provider runs a model, and why not another. */
import { errorCodes, TiercelError } from '../../../protocol/errors.ts';
import type { InferenceProvider } from '../../../protocol/settings.ts';
import type { ProcessCommand } from '../processes/command.ts';
import type { Comparison } from './messages.ts';
import type { ResolvedModel } from './models/catalog.ts';
import { probeProvider } from './probe.ts';
import { gpuCandidates, isForPlatform, providerTitles, type ExecutionProvider } from './providers.ts';

export interface ChooseOptions {
  model: ResolvedModel;
  command: ProcessCommand;
  /** What the user asks for; anything but `auto` is that or an error. */
  provider: InferenceProvider;
  /** Whether `auto` may end on the CPU. */
  cpuAllowed: boolean;
  /** Of one self-test of `auto`; default 30,000. */
  limitMs?: number;
  platform?: NodeJS.Platform;
}

export interface ProviderChoice {
  provider: ExecutionProvider;
  /** A sentence for a person. */
  why: string;
}

const defaultLimitMs = 30_000;
/** Who asks for a provider by name may wait for a slow one. */
const patientLimitMs = 300_000;

/**
 * @throws TiercelError `InstallWhatIsMissing` with the reason, when the provider that is asked for cannot run the model,
 * or `auto` finds no GPU and may not use the CPU
 */
export async function chooseProvider(options: ChooseOptions): Promise<ProviderChoice> {
  const { provider } = options;
  if (provider === 'auto') return chooseFastest(options);
  if (provider === 'cpu') {
    return { provider, why: 'The CPU, as tiercel.inference.provider says.' };
  }
  if (!isForPlatform(provider, options.platform)) {
    throw refusal(provider, 'it does not exist on this system');
  }
  const probe = await probeProvider({
    ...options,
    provider,
    test: 'equal',
    limitMs: options.limitMs ?? patientLimitMs,
  });
  if (!probe.passed) throw refusal(provider, probe.reason);
  return { provider, why: `${providerTitles[provider]}, as tiercel.inference.provider says.` };
}

async function chooseFastest(options: ChooseOptions): Promise<ProviderChoice> {
  const { cpuAllowed, platform, limitMs = defaultLimitMs } = options;
  const objections: string[] = [];
  let best: { provider: ExecutionProvider; comparison: Comparison } | undefined;
  // One after the other: two at once would measure each other.
  for (const provider of gpuCandidates(platform)) {
    const probe = await probeProvider({ ...options, provider, test: 'timed', limitMs });
    if (!probe.passed) objections.push(`${providerTitles[provider]}: ${probe.reason}`);
    else if (probe.comparison !== undefined && timeOf(probe.comparison) < timeOf(best?.comparison)) {
      best = { provider, comparison: probe.comparison };
    }
  }
  if (best !== undefined) {
    const { cpuMs = 0 } = best.comparison;
    const times = (cpuMs / timeOf(best.comparison)).toFixed(1);
    const title = providerTitles[best.provider];
    return { provider: best.provider, why: `${title} passed the self-test and is ${times} times as fast as the CPU.` };
  }
  const why = `No GPU is used. ${objections.join('; ')}.`;
  if (cpuAllowed) return { provider: 'cpu', why };
  throw new TiercelError(errorCodes.installWhatIsMissing, why);
}

function timeOf(comparison: Comparison | undefined): number {
  return comparison?.providerMs ?? Number.POSITIVE_INFINITY;
}

function refusal(provider: ExecutionProvider, reason: string): TiercelError {
  return new TiercelError(
    errorCodes.installWhatIsMissing,
    `The provider ${provider} cannot be used: ${reason}. Set tiercel.inference.provider to "auto", or to "cpu".`,
  );
}
