/** `tiercel models`: what there is, and what comes and goes on request. */
import { Option, type Command } from 'commander';
import { errorCodes, TiercelError } from '../../../protocol/errors.ts';
import { ModelCatalog, readOwnEntry, type Installed, type KnownModel } from '../inference/models/catalog.ts';
import { mebibytes } from '../inference/models/files.ts';
import { addModel, addOwnModel, checkFiles, removeModel, type AddOptions } from '../inference/models/install.ts';
import { validateModel } from '../inference/validate.ts';
import { ownProcess } from '../processes/command.ts';
import { modelsDirectory, userModelsDirectory } from '../settings/paths.ts';
import { ProgressLine } from './progress-bar.ts';

export interface ModelsContext {
  mainFile: string;
  signal: AbortSignal;
  print: (text: string) => Promise<void>;
}

interface AddFlags {
  from?: string;
  mirror?: string;
  gpu?: true;
}

/** Adds the commands to the program. */
export function modelsCommands(program: Command, context: ModelsContext): void {
  const models = program.command('models').description('models on this machine, and those that can be installed');
  models
    .command('list', { isDefault: true })
    .description('all models Tiercel knows')
    .option('--json', 'print as JSON')
    .action((flags: { json?: true }) => list(flags, context));
  models
    .command('add')
    .description('install a model by its id, or your own by the JSON file that describes it')
    .argument('<id-or-file>')
    .option('--from <folder>', 'take the files from a folder instead of the network')
    .addOption(new Option('--mirror <address>', 'download from another server').env('TIERCEL_MODEL_MIRROR'))
    .option('--gpu', 'the files for a GPU as well')
    .action((id: string, flags: AddFlags) => add(id, flags, context));
  models
    .command('remove')
    .description('delete the files of an installed model; its vectors stay in the indexes')
    .argument('<id>')
    .action((id: string) => remove(id, context));
  models
    .command('check')
    .description('compare files with their hashes and run the model')
    .argument('[id]', 'all that are on this machine when left out')
    .action((id: string | undefined) => check(id, context));
}

export function modelCatalog(): ModelCatalog {
  return new ModelCatalog(modelsDirectory(), userModelsDirectory());
}

async function list(flags: { json?: true }, { print }: ModelsContext): Promise<void> {
  const models = await modelCatalog().list();
  if (flags.json === true) {
    await print(JSON.stringify(models));
    return;
  }
  const width = Math.max(...models.map(({ entry }) => entry.id.length));
  const rows = models.map(({ entry, origin, files }) => {
    const size = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const facts = [origin, entry.kind, ...(size > 0 ? [mebibytes(size)] : []), entry.licence, entry.title];
    return `${entry.id.padEnd(width)}  ${facts.join(', ')}`;
  });
  await print(
    [...rows, '', 'Install one: tiercel models add ID. Use it: the setting tiercel.inference.model.'].join('\n'),
  );
}

async function add(id: string, { from, mirror, gpu }: AddFlags, context: ModelsContext): Promise<void> {
  const line = new ProgressLine(process.stderr);
  const options: AddOptions = {
    catalog: modelCatalog(),
    ...(from === undefined ? {} : { from }),
    ...(mirror === undefined ? {} : { mirror }),
    gpu: gpu === true,
    signal: context.signal,
    onProgress: (file, done, total) => {
      const of = total === undefined ? '' : ` of ${mebibytes(total)}, ${((100 * done) / total).toFixed(0)}%`;
      line.show(`${file}: ${mebibytes(done)}${of}`);
    },
    validate: (model) => {
      line.show('Running its self-test');
      return validateModel(model, ownProcess('inference', context.mainFile), context.signal);
    },
  };
  try {
    const own = /[\\/]|\.json$/.test(id);
    const installed = own ? await addOwnModel(id, await readOwnEntry(id), options) : await addModel(id, options);
    line.clear();
    await context.print(installedText(installed));
  } finally {
    line.clear();
  }
}

function installedText({ entry, from, files }: Installed): string {
  const unvouched = files.filter(({ trust }) => trust === 'first-use');
  const setting = entry.kind === 'reranker' ? 'tiercel.inference.reranker' : 'tiercel.inference.model';
  return [
    `${entry.id} is installed from ${from} and passed its self-test. Use it: set ${setting} to "${entry.id}".`,
    ...(unvouched.length === 0
      ? []
      : [
          'Tiercel has no hash of these files to compare with. What came was recorded, and any other content is refused from now on:',
          ...unvouched.map(({ name, sha256 }) => `  ${sha256}  ${name}`),
        ]),
  ].join('\n');
}

async function remove(id: string, { print }: ModelsContext): Promise<void> {
  await removeModel(id, modelCatalog());
  await print(`${id} is removed.`);
}

async function check(id: string | undefined, context: ModelsContext): Promise<void> {
  const catalog = modelCatalog();
  const models = id === undefined ? await catalog.list() : [await catalog.find(id)];
  const present = models.filter(({ origin }) => origin !== 'available');
  if (id !== undefined && present.length === 0) await catalog.resolve(id);
  const problems: string[] = [];
  for (const model of present) {
    const found = await checkOne(model, catalog, context);
    problems.push(...found);
    await context.print(`${model.entry.id}: ${found.length === 0 ? 'whole' : found.join(' ')}`);
  }
  if (problems.length > 0) {
    throw new TiercelError(errorCodes.installWhatIsMissing, 'Install what is damaged again: tiercel models add ID');
  }
}

async function checkOne(model: KnownModel, catalog: ModelCatalog, context: ModelsContext): Promise<string[]> {
  const problems = await checkFiles(model, context.signal);
  if (problems.length > 0 || model.entry.kind === 'static') return problems;
  try {
    const resolved = await catalog.resolve(model.entry.id);
    await validateModel(resolved, ownProcess('inference', context.mainFile), context.signal);
    return [];
  } catch (error) {
    if (context.signal.aborted || !(error instanceof TiercelError)) throw error;
    return [error.message];
  }
}
