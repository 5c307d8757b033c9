/** Which models there are: those of the package, those a user installed, and those that can be. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorCodes, messageOf, TiercelError } from '../../../../protocol/errors.ts';
import type { ModelSpec } from '../messages.ts';
import { gpuProviders, type ExecutionProvider } from '../providers.ts';
import type { ModelInfo } from '../types.ts';
import { entrySchema, parseEntry, registrySchema, type ModelEntry, type ModelFile, type OnnxEntry } from './entry.ts';

const registryFile = 'registry.json';
/** In a model's folder: what was installed, written last. */
export const installedFile = 'installed.json';

/** A file as it was when it was installed. */
const recordedSchema = z.object({
  name: z.string(),
  sha256: z.string(),
  bytes: z.int(),
  /** `registry`: the hash was known before. `first-use`: it is that of the first download, which nobody vouched for. */
  trust: z.enum(['registry', 'first-use', 'own']),
});
export type RecordedFile = z.infer<typeof recordedSchema>;

export const installedSchema = z.object({
  entry: entrySchema,
  /** Where the files came from, for a person. */
  from: z.string(),
  files: z.array(recordedSchema),
});
export type Installed = z.infer<typeof installedSchema>;

export interface KnownModel {
  entry: ModelEntry;
  /** `available` models have no files on this machine. */
  origin: 'built-in' | 'installed' | 'available';
  /** Where its files are, or would be. */
  folder: string;
  /** Absent for `available`. */
  files: RecordedFile[];
}

/** A model that can be opened. */
export interface ResolvedModel {
  entry: OnnxEntry;
  info: ModelInfo;
  /** What an inference process is told, per provider. */
  spec: (provider: ExecutionProvider) => ModelSpec;
  /** Bytes of the weights a provider uses. */
  bytes(provider: ExecutionProvider): number;
}

export class ModelCatalog {
  readonly #builtIn: string;
  /** Folder of installed models; need not exist. */
  readonly userFolder: string;

  /**
   * @param builtIn folder of the package that holds `registry.json` and a folder per model in it
   * @param userFolder where models are installed
   */
  constructor(builtIn: string, userFolder: string) {
    this.#builtIn = builtIn;
    this.userFolder = userFolder;
  }

  /** All known models; a user's own come after those of the registry. @throws TiercelError `InstallWhatIsMissing`, `FixTheMachine` */
  async list(): Promise<KnownModel[]> {
    const entries = await this.#registry();
    const own = new Map((await this.#installed()).map((model) => [model.entry.id, model]));
    const models: KnownModel[] = [];
    for (const entry of entries) {
      const installed = own.get(entry.id);
      own.delete(entry.id);
      models.push(installed ?? this.#shipped(entry));
    }
    return [...models, ...own.values()];
  }

  /** @throws TiercelError `FixTheCall` naming the ids there are */
  async find(id: string): Promise<KnownModel> {
    const models = await this.list();
    const found = models.find(({ entry }) => entry.id === id);
    if (found !== undefined) return found;
    const ids = models.map(({ entry }) => entry.id).join(', ');
    throw new TiercelError(errorCodes.fixTheCall, `There is no model ${id}. There are ${ids}.`);
  }

  /** @throws TiercelError `FixTheCall` for an unknown model, `InstallWhatIsMissing` when it is not installed or damaged */
  async resolve(id: string): Promise<ResolvedModel> {
    const model = await this.find(id);
    const { entry, origin } = model;
    if (entry.kind === 'static') {
      throw new TiercelError(errorCodes.fixTheCall, `${id} is the instant lane's model, which is always in use.`);
    }
    if (origin === 'available') {
      throw new TiercelError(
        errorCodes.installWhatIsMissing,
        `The model ${id} is not installed. Run: tiercel models add ${id}`,
      );
    }
    const resolved = resolveModel(model, entry);
    await requireFiles(model, entry, resolved);
    return resolved;
  }

  async #registry(): Promise<ModelEntry[]> {
    const path = join(this.#builtIn, registryFile);
    try {
      return registrySchema.parse(JSON.parse(await readFile(path, 'utf8'))).models;
    } catch (cause) {
      const message = `${path} cannot be read (${messageOf(cause)}): install Tiercel again.`;
      throw new TiercelError(errorCodes.installWhatIsMissing, message, { cause });
    }
  }

  async #installed(): Promise<KnownModel[]> {
    const names = await readdir(this.userFolder).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw new TiercelError(errorCodes.fixTheMachine, messageOf(error), { cause: error });
    });
    const models: KnownModel[] = [];
    for (const name of names.sort()) {
      const folder = join(this.userFolder, name);
      const installed = await readInstalled(folder);
      if (installed?.entry.id === name) {
        models.push({ entry: installed.entry, origin: 'installed', folder, files: installed.files });
      }
    }
    return models;
  }

  #shipped(entry: ModelEntry): KnownModel {
    if (entry.kind === 'static' || entry.source === undefined) {
      const files = entry.kind === 'static' ? entry.files : [entry.tokenizer, ...Object.values(entry.weights).flat()];
      return { entry, origin: 'built-in', folder: join(this.#builtIn, entry.id), files: files.map(shippedFile) };
    }
    return { entry, origin: 'available', folder: join(this.userFolder, entry.id), files: [] };
  }
}

/** What an installation recorded; undefined when there is none, or one that was cut off. */
export async function readInstalled(folder: string): Promise<Installed | undefined> {
  const text = await readFile(join(folder, installedFile), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const path = join(folder, installedFile);
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new TiercelError(errorCodes.fixTheMachine, `${path} is damaged: remove its folder.`, { cause });
  }
  const parsed = installedSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new TiercelError(errorCodes.fixTheMachine, `${path} is damaged: remove its folder.`, { cause: parsed.error });
}

/** An entry from a user's file. @throws TiercelError `FixTheCall` saying what is wrong with it */
export async function readOwnEntry(path: string): Promise<ModelEntry> {
  let raw: unknown;
  try {
    raw = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new TiercelError(errorCodes.fixTheCall, `${path} cannot be read: ${messageOf(cause)}.`, { cause });
  }
  return parseEntry(raw, path);
}

/** The model as it lies in its folder, whether or not the files are there. */
export function resolveModel({ folder, files }: KnownModel, entry: OnnxEntry): ResolvedModel {
  const installed = new Map(files.map((file) => [file.name, file]));
  const weightsOf = (precision: string): ModelFile[] => entry.weights[precision] ?? [];
  // The weights of a GPU may not have been wanted: those of the processor run everywhere, if slower.
  const precisionFor = (provider: ExecutionProvider): string => {
    const wanted = gpuProviders.has(provider) ? entry.precision.gpu : entry.precision.cpu;
    return weightsOf(wanted).every(({ name }) => installed.has(name)) ? wanted : entry.precision.cpu;
  };
  const [main] = weightsOf(entry.precision.cpu);
  const digest = installed.get(main?.name ?? '')?.sha256.slice(0, 8) ?? 'unknown';
  const identity = `${entry.id}-${entry.precision.cpu}-${digest}`;
  const embedding = entry.kind === 'embedding' ? entry : undefined;
  return {
    entry,
    info: { id: identity, dimension: embedding?.dimension ?? 1, licence: entry.licence },
    spec: (provider) => ({
      identity,
      kind: entry.kind,
      precision: precisionFor(provider),
      weights: join(folder, weightsOf(precisionFor(provider))[0]?.name ?? ''),
      tokenizer: join(folder, entry.tokenizer.name),
      output: entry.output,
      pooling: embedding?.pooling ?? 'none',
      dimension: embedding?.dimension ?? 1,
      maxTokens: entry.maxTokens,
      prefixes: embedding?.prefixes ?? { query: '', passage: '' },
      ...(embedding?.tokenOutput === undefined ? {} : { tokenOutput: embedding.tokenOutput }),
    }),
    bytes: (provider) =>
      weightsOf(precisionFor(provider)).reduce((sum, { name }) => sum + (installed.get(name)?.bytes ?? 0), 0),
  };
}

async function requireFiles(model: KnownModel, entry: OnnxEntry, { spec }: ResolvedModel): Promise<void> {
  const mend = model.origin === 'built-in' ? 'install Tiercel again' : `run: tiercel models add ${entry.id}`;
  const { precision } = spec('cpu');
  for (const { name } of [entry.tokenizer, ...(entry.weights[precision] ?? [])]) {
    const path = join(model.folder, name);
    await stat(path).catch((cause: unknown) => {
      throw new TiercelError(errorCodes.installWhatIsMissing, `${path} is missing: ${mend}.`, { cause });
    });
  }
}

function shippedFile({ name, sha256, bytes }: ModelFile): RecordedFile {
  return { name, sha256: sha256 ?? '', bytes: bytes ?? 0, trust: 'registry' };
}
