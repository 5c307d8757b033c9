/** Models come and go here, on request only: from the network, a mirror, a folder, or a user's own file. */
import { constants } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cancelled, errorCodes, TiercelError } from '../../../../protocol/errors.ts';
import {
  installedFile,
  readInstalled,
  resolveModel,
  type Installed,
  type KnownModel,
  type ModelCatalog,
  type RecordedFile,
  type ResolvedModel,
} from './catalog.ts';
import { downloadFile, type DownloadOptions } from './download.ts';
import { filesOf, type ModelEntry, type ModelFile, type OnnxEntry } from './entry.ts';
import { diskError, hashFile, mebibytes, requireSpace, writeAtomically } from './files.ts';

export const defaultMirror = 'https://huggingface.co';

export interface AddOptions {
  catalog: ModelCatalog;
  /** A folder with the files, by their names or their paths in the source; nothing is downloaded. */
  from?: string;
  /** Replaces {@link defaultMirror}; below it lie `REPOSITORY/resolve/REVISION/PATH`. */
  mirror?: string;
  /** The weights for a GPU as well. */
  gpu?: boolean;
  signal: AbortSignal;
  onProgress?: (file: string, done: number, total: number | undefined) => void;
  /** Runs the model once it is in place; what it throws takes the model away again. */
  validate: (model: ResolvedModel) => Promise<void>;
  download?: Pick<DownloadOptions, 'stallMs' | 'attempts' | 'retryMs' | 'environment'>;
}

type Obtain = (file: ModelFile, path: string) => Promise<RecordedFile>;

/**
 * Installs a model of the registry. Files that are there already and unchanged are kept, parts of files are continued.
 *
 * @returns what was recorded; `trust` says which hashes nobody vouched for
 * @throws TiercelError as {@link downloadFile}; `FixTheCall` for a model of the package
 */
export async function addModel(id: string, options: AddOptions): Promise<Installed> {
  const model = await options.catalog.find(id);
  const { entry } = model;
  if (model.origin === 'built-in' || entry.kind === 'static' || entry.source === undefined) {
    throw new TiercelError(errorCodes.fixTheCall, `${id} needs no installation.`);
  }
  const { repository, revision } = entry.source;
  const mirror = (options.mirror ?? defaultMirror).replace(/\/+$/, '');
  const base = `${mirror}/${repository}/resolve/${revision}`;
  const before = new Map(((await readInstalled(model.folder))?.files ?? []).map((file) => [file.name, file]));
  const { from } = options;
  const obtain: Obtain = async (file, path) => {
    // A hash that was recorded once is as binding as one of the registry.
    const known = file.sha256 ?? before.get(file.name)?.sha256;
    const trust = file.sha256 === undefined ? 'first-use' : 'registry';
    if (known !== undefined && (await unchanged(path, known))) {
      return { name: file.name, sha256: known, bytes: (await stat(path)).size, trust };
    }
    const got =
      from === undefined
        ? await downloadFile({
            url: `${base}/${file.path ?? file.name}`,
            path,
            sha256: known,
            bytes: file.bytes,
            signal: options.signal,
            onProgress: (done, total) => options.onProgress?.(file.name, done, total),
            ...options.download,
          })
        : await copyChecked(await sourceIn(from, file), path, known, options.signal);
    return { name: file.name, ...got, trust };
  };
  return install({ ...model, entry }, entry, from ?? base, obtain, options);
}

/** Installs a user's own model, described by a file beside which (or below which) its files lie. */
export async function addOwnModel(path: string, entry: ModelEntry, options: AddOptions): Promise<Installed> {
  if (entry.kind === 'static') {
    throw new TiercelError(errorCodes.fixTheCall, `${path}: only "embedding" and "reranker" models can be added.`);
  }
  const known = (await options.catalog.list()).find((model) => model.entry.id === entry.id);
  if (known !== undefined && (known.origin !== 'installed' || isOfRegistry(known.entry))) {
    throw new TiercelError(errorCodes.fixTheCall, `${path}: the id ${entry.id} is taken, choose another.`);
  }
  const folder = join(options.catalog.userFolder, entry.id);
  const obtain: Obtain = async (file, target) => {
    const got = await copyChecked(await sourceIn(dirname(path), file), target, file.sha256, options.signal);
    return { name: file.name, ...got, trust: 'own' };
  };
  const { source: _, ...own } = entry;
  return install({ entry: own, origin: 'installed', folder, files: [] }, own, path, obtain, { ...options, gpu: true });
}

/** @throws TiercelError `FixTheCall` for a model that is not installed or belongs to the package */
export async function removeModel(id: string, catalog: ModelCatalog): Promise<void> {
  const { origin, folder } = await catalog.find(id);
  if (origin === 'built-in') throw new TiercelError(errorCodes.fixTheCall, `${id} is part of Tiercel.`);
  if (origin === 'available' && !(await exists(folder))) {
    throw new TiercelError(errorCodes.fixTheCall, `${id} is not installed.`);
  }
  // First the record: a removal that is cut off leaves no model that looks whole.
  await rm(join(folder, installedFile), { force: true });
  await rm(folder, { recursive: true, force: true });
}

/** A sentence per file that is missing or not what was installed; none when all is well. */
export async function checkFiles({ folder, files }: KnownModel, signal?: AbortSignal): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, sha256, bytes } of files) {
    const path = join(folder, name);
    if (!(await exists(path))) problems.push(`${path} is missing.`);
    else if ((await stat(path)).size !== bytes) problems.push(`${path} has another size than when it was installed.`);
    else if ((await hashFile(path, signal)) !== sha256) problems.push(`${path} was changed since it was installed.`);
  }
  return problems;
}

async function install(
  model: KnownModel,
  entry: OnnxEntry,
  from: string,
  obtain: Obtain,
  { gpu = false, signal, validate }: AddOptions,
): Promise<Installed> {
  const { folder } = model;
  const { precision } = entry;
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw diskError(error, folder);
  });
  const files: RecordedFile[] = [];
  for (const file of filesOf({ ...entry }, [precision.cpu, ...(gpu ? [precision.gpu] : [])])) {
    if (signal.aborted) throw cancelled();
    files.push(await obtain(file, join(folder, file.name)));
  }
  const record = join(folder, installedFile);
  try {
    await validate(resolveModel({ ...model, files }, entry));
  } catch (error) {
    await rm(record, { force: true });
    if (signal.aborted) throw cancelled();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const installed: Installed = { entry, from, files };
  await writeAtomically(record, `${JSON.stringify(installed, undefined, 2)}\n`);
  return installed;
}

async function copyChecked(
  source: string,
  path: string,
  sha256: string | undefined,
  signal: AbortSignal,
): Promise<{ sha256: string; bytes: number }> {
  const { size } = await stat(source);
  const part = `${path}.part`;
  try {
    await requireSpace(dirname(path), size);
    await copyFile(source, part, constants.COPYFILE_FICLONE);
    const hash = await hashFile(part, signal);
    if (sha256 !== undefined && hash !== sha256) {
      throw new TiercelError(
        errorCodes.installWhatIsMissing,
        `${source} is not the file it should be (SHA-256 ${hash}, expected ${sha256}; ${mebibytes(size)}).`,
      );
    }
    await rename(part, path);
    return { sha256: hash, bytes: size };
  } catch (error) {
    await rm(part, { force: true });
    throw signal.aborted ? cancelled() : diskError(error, path);
  }
}

async function sourceIn(folder: string, file: ModelFile): Promise<string> {
  const places = [...new Set([file.path ?? file.name, file.name])].map((place) => join(folder, place));
  for (const place of places) if (await exists(place)) return place;
  throw new TiercelError(errorCodes.installWhatIsMissing, `There is no ${places.join(' and no ')}.`);
}

async function unchanged(path: string, sha256: string): Promise<boolean> {
  return (await exists(path)) && (await hashFile(path)) === sha256;
}

function isOfRegistry(entry: ModelEntry): boolean {
  return entry.kind === 'static' || entry.source !== undefined;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
