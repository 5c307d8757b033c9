/** The little that is asked of the git program: where a work tree lies, and which files it considers. */
import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { cancelled } from '../../../protocol/errors.ts';

/** A git command that did not succeed. `absent` when there is no git program at all. */
export class GitFailure extends Error {
  override readonly name = 'GitFailure';
  readonly absent: boolean;

  constructor(message: string, absent: boolean) {
    super(message);
    this.absent = absent;
  }
}

export interface WorkTree {
  /** Real path of the outermost folder of the work tree. */
  topLevel: string;
  /** Real path of this work tree's own git folder (HEAD and index lie there). */
  gitDirectory: string;
  /** Real path of the git folder that all work trees of the repository share. */
  commonDirectory: string;
}

/**
 * Runs git in a folder that may not be trusted: no optional locks, no file-system monitor (a repository's configuration
 * may name any program there), paths taken literally.
 *
 * @returns what git wrote to its standard output
 * @throws GitFailure when git is absent or ends with an error; `Cancelled` on signal
 */
export function git(directory: string, args: readonly string[], signal?: AbortSignal): Promise<Buffer> {
  return new Promise((done, fail) => {
    execFile(
      'git',
      ['-c', 'core.fsmonitor=false', ...args],
      {
        cwd: directory,
        encoding: 'buffer',
        maxBuffer: Infinity,
        env: environment(),
        windowsHide: true,
        ...(signal && { signal }),
      },
      (error, stdout, stderr) => {
        if (error === null) done(stdout);
        else if (signal?.aborted === true) fail(cancelled());
        else fail(new GitFailure(stderr.toString().trim() || error.message, error.code === 'ENOENT'));
      },
    );
  });
}

/** The work tree that contains `directory`; undefined when there is none or git cannot be asked. */
export async function findWorkTree(directory: string): Promise<WorkTree | undefined> {
  try {
    const [topLevel, gitDirectory, commonDirectory] = await Promise.all(
      ['--show-toplevel', '--absolute-git-dir', '--git-common-dir'].map(async (question) => {
        const answer = (await git(directory, ['rev-parse', question])).toString().replace(/\r?\n$/, '');
        return realpath(resolve(directory, answer));
      }),
    );
    if (topLevel === undefined || gitDirectory === undefined || commonDirectory === undefined) return undefined;
    return { topLevel, gitDirectory, commonDirectory };
  } catch (error) {
    if (error instanceof GitFailure || isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Tracked and untracked-not-ignored paths below `directory`, relative to it. Submodules and other repositories inside
 * appear as their folder, without a trailing slash.
 *
 * @param only literal paths to ask about; absent: all
 */
export async function listFiles(
  directory: string,
  only?: readonly string[],
  signal?: AbortSignal,
): Promise<Set<string>> {
  const args = ['--literal-pathspecs', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const paths = new Set<string>();
  for (const batch of only === undefined ? [undefined] : commandLines(only)) {
    const output = await git(directory, batch === undefined ? args : [...args, '--', ...batch], signal);
    for (let start = 0; start < output.length;) {
      const end = output.indexOf(0, start);
      // A folder (another repository) ends with a slash.
      const path = output.toString('utf8', start, output[end - 1] === 0x2f ? end - 1 : end);
      start = end + 1;
      paths.add(path);
    }
  }
  return paths;
}

/** True when git's rules leave this folder itself out of the work tree that surrounds it. */
export async function isIgnoredFolder(directory: string): Promise<boolean> {
  try {
    await git(directory, ['check-ignore', '-q', '.']);
    return true;
  } catch (error) {
    if (error instanceof GitFailure) return false;
    throw error;
  }
}

/** Path of the user's own exclude file as configured (`core.excludesFile`); undefined when that is not set. */
export async function userExcludeFile(directory: string): Promise<string | undefined> {
  try {
    const answer = await git(directory, ['config', '--type=path', '--get', 'core.excludesFile']);
    return answer.toString().replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof GitFailure) return undefined;
    throw error;
  }
}

/** Windows allows 32 KiB for a whole command line. */
const commandLineBytes = 16 * 1024;

function* commandLines(paths: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let bytes = 0;
  for (const path of paths) {
    if (bytes + path.length * 3 > commandLineBytes && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(path);
    bytes += path.length * 3;
  }
  if (batch.length > 0) yield batch;
}

/** Without the variables by which a surrounding git command (a hook) points its children at its own repository. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^GIT_(?:DIR|WORK_TREE|INDEX_FILE|PREFIX|NAMESPACE|COMMON_DIR|OBJECT_DIRECTORY)$/.test(name),
  );
  return { ...Object.fromEntries(kept), GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
