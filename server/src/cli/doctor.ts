/** `tiercel doctor`: which device computes the deep vectors and scans vectors, and why not the GPU. */
import { InvalidArgumentError, type Command } from 'commander';
import { inferenceProviders, type InferenceProvider } from '../../../protocol/settings.ts';
import { diagnose, type Diagnosis, type ProviderFinding } from '../inference/diagnose.ts';
import { providerTitles } from '../inference/providers.ts';
import { ownProcess } from '../processes/command.ts';
import { resolveEngineSettings, thisMachine } from '../settings/engine.ts';
import { gpuDirectory } from '../settings/paths.ts';
import { tryGpu } from '../store/gpu.ts';
import { modelCatalog } from './models.ts';

interface DoctorFlags {
  provider: InferenceProvider;
  model: string;
  seconds: number;
  json?: true;
}

/** Adds the command to the program. */
export function doctorCommand(
  program: Command,
  context: { mainFile: string; version: string; print: (text: string) => Promise<void> },
): void {
  program
    .command('doctor')
    .description('say what this machine can run models on, and why not on the GPU')
    .option(
      '--provider <name>',
      `what tiercel.inference.provider would be (${inferenceProviders.join(', ')})`,
      parseProvider,
      'auto',
    )
    .option('--model <id>', 'what tiercel.inference.model would be', 'minilm-l6')
    .option('--seconds <n>', 'longest self-test of one provider', parseSeconds, 30)
    .option('--json', 'print as JSON')
    .action(async ({ provider, model, seconds, json }: DoctorFlags) => {
      const diagnosis = await diagnose({
        catalog: modelCatalog(),
        command: ownProcess('inference', context.mainFile),
        model,
        provider,
        limitMs: seconds * 1000,
      });
      const search = await tryGpu(resolveEngineSettings([], thisMachine()).gpu, gpuDirectory());
      const text =
        json === true ? JSON.stringify({ ...diagnosis, search }) : render(diagnosis, search, context.version);
      await context.print(text);
    });
}

/** As a person reads it. */
function render(diagnosis: Diagnosis, search: string, version: string): string {
  return `${renderDiagnosis(diagnosis, version)}\n${'Search'.padEnd(12)}${search}`;
}

/** The models' part, as a person reads it. */
export function renderDiagnosis(diagnosis: Diagnosis, version: string): string {
  const { system, processor, cores, runtime, model, provider, why, findings, problems } = diagnosis;
  const rows: [string, string][] = [
    ['Tiercel', `${version} on ${system}`],
    ['Processor', `${processor}, ${String(cores)} cores`],
    ['Runtime', runtime.length === 0 ? 'not usable' : `onnxruntime knows ${runtime.join(', ')}`],
    ['Model', model],
    ...findings.map((finding): [string, string] => [providerTitles[finding.provider], findingText(finding)]),
    ['Would use', provider === undefined ? 'nothing' : providerTitles[provider]],
    ['Because', why],
    ...problems.map((problem): [string, string] => ['Problem', problem]),
  ];
  if (provider === 'cpu') {
    rows.push([
      'Means',
      'With tiercel.deep "auto" the deep lane stays off; "on" computes it slowly on the CPU. All other searches work.',
    ]);
  }
  return rows.map(([name, value]) => `${name.padEnd(12)}${value}`).join('\n');
}

function findingText({
  usable,
  reason = '',
  nodes,
  nodesOnCpu = 0,
  cpuOperators = [],
  speedUp,
}: ProviderFinding): string {
  if (!usable) return `no: ${reason}`;
  return [
    'usable',
    ...(speedUp === undefined ? [] : [`${speedUp.toFixed(1)} times as fast as one CPU thread`]),
    ...(nodes === undefined ? [] : [nodesText(nodes, nodesOnCpu, cpuOperators)]),
  ].join(', ');
}

/** How much of a graph fell back to the CPU. */
export function nodesText(nodes: number, onCpu: number, operators: readonly string[]): string {
  const which = operators.length === 0 ? '' : ` (${operators.join(', ')})`;
  return onCpu === 0
    ? `all ${String(nodes)} nodes on it`
    : `${String(onCpu)} of ${String(nodes)} nodes on the CPU${which}`;
}

function parseProvider(value: string): InferenceProvider {
  const provider = inferenceProviders.find((name) => name === value);
  if (provider === undefined) throw new InvalidArgumentError(`It is one of ${inferenceProviders.join(', ')}.`);
  return provider;
}

function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (!(seconds >= 1 && seconds <= 3600)) throw new InvalidArgumentError('It is a number from 1 to 3600.');
  return seconds;
}
