/** Where Tiercel keeps what: indexes and logs in the user's cache, its socket in a private folder, its models in the package. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';

/** A Unix socket's path has at most 104 bytes on macOS and 108 on Linux; its name takes up to 40 of them here. */
const longestRuntimeDirectory = 60;

/** The environment variable TIERCEL_HOME, else the platform's cache folder. Not made. */
export function cacheHome(environment: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  const own = given(environment, 'TIERCEL_HOME');
  if (own !== undefined) return resolve(own);
  if (platform === 'win32')
    return join(given(environment, 'LOCALAPPDATA') ?? join(homedir(), 'AppData', 'Local'), 'tiercel');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'tiercel');
  return join(given(environment, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'tiercel');
}

/**
 * Folder of a repository's index. Not made.
 *
 * @param repositoryIdentity what `workspace` gives under this name: a git common directory, or a folder outside git
 */
export function indexDirectory(repositoryIdentity: string): string {
  const folder = basename(repositoryIdentity) === '.git' ? dirname(repositoryIdentity) : repositoryIdentity;
  const name = basename(folder)
    .replace(/\.git$/, '')
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .slice(0, 40);
  return join(cacheHome(), 'indexes', `${name === '' ? 'root' : name}-${digest(repositoryIdentity)}`);
}

/** File that keeps what is to outlast the server about a folder, apart from its index. Not made. */
export function folderMemoryFile(root: string): string {
  return join(cacheHome(), 'folders', `${digest(root)}.json`);
}

/** File that keeps which models' vectors an index needs. Not made. */
export function modelMemoryFile(indexPath: string): string {
  return `${indexPath}.models.json`;
}

/** Models that were installed on request. Not made. */
export function userModelsDirectory(): string {
  return join(cacheHome(), 'models');
}

/** What was learned of devices' memory. Not made. */
export function batchLimitsFile(): string {
  return join(cacheHome(), 'inference', 'batches.json');
}

/** What is kept of the GPU: compiled kernels, and the mark of an opening under way. Not made. */
export function gpuDirectory(): string {
  return join(cacheHome(), 'gpu');
}

/** Not made. */
export function logDirectory(): string {
  return join(cacheHome(), 'logs');
}

/**
 * The folder of the server's socket: made if absent, and this user's alone.
 *
 * @throws TiercelError `FixTheMachine` when it belongs to somebody else or cannot be made private
 */
export function runtimeDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const directory = runtimePath(environment);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (process.platform !== 'win32') mustBePrivate(directory);
    return directory;
  } catch (error) {
    if (error instanceof TiercelError) throw error;
    throw new TiercelError(
      errorCodes.fixTheMachine,
      `The folder ${directory} for the server's socket cannot be made: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

/** Folder of package.json, found from wherever this code runs: the bundle in dist/ or the source tree. */
export function packageRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'models'))) return folder;
    if (dirname(folder) === folder) {
      throw new TiercelError(
        errorCodes.installWhatIsMissing,
        'The folder `models` of the Tiercel package is missing. Install Tiercel again.',
      );
    }
  }
}

export function modelsDirectory(): string {
  return join(packageRoot(), 'models');
}

function runtimePath(environment: NodeJS.ProcessEnv): string {
  if (given(environment, 'TIERCEL_HOME') !== undefined) {
    const home = cacheHome(environment);
    const inside = join(home, 'run');
    return Buffer.byteLength(inside) <= longestRuntimeDirectory
      ? inside
      : join(tmpdir(), `tiercel-${userName()}-${digest(home)}`);
  }
  const session = given(environment, 'XDG_RUNTIME_DIR');
  if (session !== undefined && existsSync(session)) {
    const inside = join(session, 'tiercel');
    if (Buffer.byteLength(inside) <= longestRuntimeDirectory) return inside;
  }
  return join(tmpdir(), `tiercel-${userName()}`);
}

/** The temporary folder is everybody's: a folder of this name may have been laid there as a trap. */
function mustBePrivate(directory: string): void {
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== userInfo().uid) {
    throw new TiercelError(
      errorCodes.fixTheMachine,
      `${directory} must be a folder of yours, as the server's socket lies in it. Remove it.`,
    );
  }
  if ((found.mode & 0o077) !== 0) chmodSync(directory, 0o700);
}

function userName(): string {
  return process.getuid === undefined ? digest(homedir()) : String(process.getuid());
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** An empty variable counts as absent. */
function given(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = environment[name];
  return value === undefined || value === '' ? undefined : value;
}
