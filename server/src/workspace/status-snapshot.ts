/** A cheap picture of a git work tree: what differs from git's index, with sizes and times, and git's own state. */
import { join } from 'node:path';
import { git } from './git.ts';
import { lstat, type Folder } from './listing.ts';

export interface Snapshot {
  /** HEAD and index of every repository of the folder: another set of files may be tracked when this changes. */
  gitState: string;
  /** Changed, untracked and deleted files -> size and time, or `gone`. */
  dirty: ReadonlyMap<string, string>;
}

/**
 * Git compares its index with the files in its own code, so that of tens of thousands of files only those that differ
 * are looked at here.
 *
 * @param repositories folders of the repositories inside, relative to the root
 * @throws GitFailure, `Cancelled`
 */
export async function takeSnapshot(
  folder: Folder,
  repositories: readonly string[],
  signal: AbortSignal,
): Promise<Snapshot> {
  const dirty = new Map<string, string>();
  const states: string[] = [];
  for (const repository of ['', ...repositories]) {
    const directory = join(folder.root, repository);
    states.push(await gitState(directory, signal));
    for (const path of await changedPaths(directory, signal)) {
      const full = repository === '' ? path : `${repository}/${path}`;
      dirty.set(full, await stampOf(join(folder.root, full)));
    }
  }
  return { gitState: states.join('\n'), dirty };
}

/** Paths whose state differs between two pictures. */
export function differences(before: Snapshot, now: Snapshot): string[] {
  const paths = [...now.dirty].filter(([path, stamp]) => before.dirty.get(path) !== stamp).map(([path]) => path);
  return [...paths, ...[...before.dirty.keys()].filter((path) => !now.dirty.has(path))];
}

async function gitState(directory: string, signal: AbortSignal): Promise<string> {
  const answer = await git(directory, ['rev-parse', '--git-path', 'HEAD', '--git-path', 'index'], signal);
  const files = answer.toString().trimEnd().split(/\r?\n/);
  return (await Promise.all(files.map((file) => stampOf(join(directory, file), file)))).join(' ');
}

async function changedPaths(directory: string, signal: AbortSignal): Promise<string[]> {
  const args = ['--literal-pathspecs', 'status', '--porcelain=v1', '-z', '--untracked-files=all', '--no-renames'];
  const [output, prefix] = await Promise.all([
    git(directory, [...args, '--ignore-submodules=all', '--', '.'], signal),
    git(directory, ['rev-parse', '--show-prefix'], signal),
  ]);
  // Paths are relative to the top of the work tree, which may lie above the folder.
  const above = prefix.toString().trimEnd().length;
  return output
    .toString()
    .split('\0')
    .filter((line) => line.length > 3)
    .map((line) => line.slice(3 + above));
}

/** @param known path the answer may be absolute already */
async function stampOf(path: string, known = path): Promise<string> {
  try {
    const { size, mtimeMs } = await lstat(known.startsWith('/') || /^[A-Za-z]:/.test(known) ? known : path);
    return `${String(size)}:${String(mtimeMs)}`;
  } catch {
    return 'gone';
  }
}
