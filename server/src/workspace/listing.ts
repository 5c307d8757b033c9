/** Which files a folder has: git's answer where git is used, else a walk. */
import { lstat as lstatWithCallback, type Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';
import { promisify } from 'node:util';
import { cancelled } from '../../../protocol/errors.ts';
import { findWorkTree, isIgnoredFolder, listFiles, userExcludeFile, type WorkTree } from './git.ts';
import { IgnoreRules } from './rules.ts';
import type { FileEntry } from './types.ts';

/** How a folder's files are found; decided once, when it is opened. */
export interface Folder {
  /** Real path. */
  root: string;
  exclude: readonly string[];
  /** Absent: files are found by walking. */
  workTree: WorkTree | undefined;
  gitExcludeFiles: readonly string[];
}

export interface Listing {
  /** In path order (by UTF-16 code units). */
  entries: FileEntry[];
  /** Folders of repositories inside (submodules and others), relative to the root. */
  repositories: string[];
}

/** Half the cost of the one in `fs/promises`, which is most of the time of a listing. */
export const lstat = promisify(lstatWithCallback);

/** Parallel file-system calls. More does not help: libuv runs four at a time. */
const concurrency = 32;

/** Folders of version control, and the one folder of dependencies that is never somebody's own code. */
const neverEntered = new Set(['.git', '.hg', '.svn', '.jj']);
const neverWalked = new Set([...neverEntered, 'node_modules']);

export async function describeFolder(root: string, exclude: readonly string[]): Promise<Folder> {
  const found = await findWorkTree(root);
  // A project inside an ignored folder of a larger repository (a home folder kept in git) is no part of that repository.
  const workTree = found !== undefined && found.topLevel !== root && (await isIgnoredFolder(root)) ? undefined : found;
  const gitExcludeFiles: string[] = [];
  if (workTree !== undefined) {
    const configured = await userExcludeFile(root);
    const home = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config');
    gitExcludeFiles.push(configured ?? join(home, 'git', 'ignore'), join(workTree.commonDirectory, 'info', 'exclude'));
  }
  return { root, exclude, workTree, gitExcludeFiles };
}

export function rulesOf(folder: Folder): IgnoreRules {
  return new IgnoreRules({
    root: folder.root,
    exclude: folder.exclude,
    gitTop: folder.workTree?.topLevel ?? folder.root,
    gitExcludeFiles: folder.gitExcludeFiles,
  });
}

/** True when files below this folder may count, as far as names and ignore files tell. */
export function mayEnter(folder: Folder, rules: IgnoreRules, path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const never = folder.workTree === undefined ? neverWalked : neverEntered;
  return !never.has(name) && !rules.ignores(path, true);
}

/**
 * @throws `Cancelled` on signal, GitFailure when git refuses a folder it accepted before, the system's error when the
 *   folder itself cannot be read
 */
export async function listFolder(folder: Folder, signal?: AbortSignal): Promise<Listing> {
  const rules = rulesOf(folder);
  const collector = new Collector(folder.root);
  if (folder.workTree === undefined) await walkInto(folder, rules, collector, signal);
  else await listRepository(folder, rules, '', collector, signal);
  return { entries: await collector.finish(), repositories: collector.repositories };
}

/**
 * Which of these paths {@link listFolder} would give, judged now.
 *
 * @param paths relative to the root, without duplicates
 * @param last repositories and files of the last listing
 */
export async function filterPaths(
  folder: Folder,
  paths: readonly string[],
  last: { repositories: readonly string[]; files: ReadonlySet<string> },
): Promise<FileEntry[]> {
  const rules = rulesOf(folder);
  const collector = new Collector(folder.root, last.files);
  if (folder.workTree === undefined) {
    const candidates = paths.filter((path) => !inNeverWalked(path) && !rules.ignores(path, false));
    await collector.add(candidates);
    return collector.finish();
  }
  const inner = [...last.repositories].sort((a, b) => b.length - a.length);
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    if (rules.excludes(path)) continue;
    const repository = inner.find((prefix) => path.startsWith(`${prefix}/`)) ?? '';
    const rest = repository === '' ? path : path.slice(repository.length + 1);
    const group = groups.get(repository);
    if (group === undefined) groups.set(repository, [rest]);
    else group.push(rest);
  }
  for (const [repository, group] of groups) {
    const directory = join(folder.root, repository);
    // Asking about each path costs git more than listing them all, from some hundred paths on.
    const listed = await listFiles(directory, group.length > 200 ? undefined : group);
    const prefix = repository === '' ? '' : `${repository}/`;
    await collector.add(group.filter((path) => listed.has(path)).map((path) => prefix + path));
  }
  return collector.finish();
}

/** What lies below a folder, `start` among the folders; no rule is applied to the files. */
export async function walkBelow(
  root: string,
  start: string,
  enters: (path: string) => boolean,
): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [];
  const folders: string[] = [];
  for (let level = [start]; level.length > 0;) {
    folders.push(...level);
    const below: string[] = [];
    await forEachLimited(level, async (current) => {
      for (const item of await readFolder(join(root, current))) {
        const path = current === '' ? item.name : `${current}/${item.name}`;
        if (!item.isDirectory()) files.push(path);
        else if (enters(path)) below.push(path);
      }
    });
    level = below;
  }
  return { files, folders };
}

async function listRepository(
  folder: Folder,
  rules: IgnoreRules,
  repository: string,
  collector: Collector,
  signal?: AbortSignal,
): Promise<void> {
  const prefix = repository === '' ? '' : `${repository}/`;
  const listed = await listFiles(join(folder.root, repository), undefined, signal);
  const paths: string[] = [];
  await eachBreathing(
    listed,
    (path) => {
      if (!rules.excludes(prefix + path)) paths.push(prefix + path);
    },
    signal,
  );
  const directories = await collector.add(paths, signal);
  for (const directory of directories) {
    // Without a repository of its own (a submodule that is not checked out) git would answer for the outer one.
    if (!(await exists(join(folder.root, directory, '.git')))) continue;
    collector.repositories.push(directory);
    await listRepository(folder, rules, directory, collector, signal);
  }
}

async function walkInto(folder: Folder, rules: IgnoreRules, collector: Collector, signal?: AbortSignal): Promise<void> {
  const { files } = await walkBelow(folder.root, '', (path) => {
    if (signal?.aborted === true) throw cancelled();
    return mayEnter(folder, rules, path);
  });
  const paths: string[] = [];
  await eachBreathing(
    files,
    (path) => {
      if (!rules.ignores(path, false)) paths.push(path);
    },
    signal,
  );
  await collector.add(paths, signal);
}

/** Gathers what is really there: regular files, and links to regular files inside the folder that are not listed themselves. */
class Collector {
  readonly repositories: string[] = [];
  readonly #root: string;
  readonly #entries = new Map<string, FileEntry>();
  readonly #links: string[] = [];
  readonly #others: ReadonlySet<string>;

  /** @param others files listed besides those added here */
  constructor(root: string, others: ReadonlySet<string> = new Set()) {
    this.#root = root;
    this.#others = others;
  }

  /** @returns those of the paths that are folders */
  async add(paths: readonly string[], signal?: AbortSignal): Promise<string[]> {
    const folders: string[] = [];
    await forEachLimited(
      paths,
      async (path) => {
        const found = await statOrNothing(join(this.#root, path), lstat);
        if (found === undefined) return;
        if (found.isFile()) this.#entries.set(path, { path, size: found.size, mtimeMs: found.mtimeMs });
        else if (found.isSymbolicLink()) this.#links.push(path);
        else if (found.isDirectory()) folders.push(path);
      },
      signal,
    );
    return folders.sort();
  }

  async finish(): Promise<FileEntry[]> {
    const targets = new Set<string>();
    for (const path of this.#links.sort()) {
      const target = await linkTarget(this.#root, path);
      if (target === undefined || targets.has(target)) continue;
      if (this.#entries.has(target) || this.#others.has(target)) continue;
      const found = await statOrNothing(join(this.#root, target), stat);
      if (found?.isFile() !== true) continue;
      targets.add(target);
      this.#entries.set(path, { path, size: found.size, mtimeMs: found.mtimeMs });
    }
    return [...this.#entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }
}

/** Where a link leads, relative to the root; undefined when that is outside, or nowhere. */
async function linkTarget(root: string, path: string): Promise<string | undefined> {
  try {
    const target = await realpath(join(root, path));
    return isInside(root, target) ? target.slice(root.length + 1).replaceAll(sep, '/') : undefined;
  } catch {
    // A dangling link, or a loop of links.
    return undefined;
  }
}

export function isInside(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}

async function statOrNothing(path: string, how: (path: string) => Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await how(path);
  } catch {
    // Deleted meanwhile, or in a folder that may not be entered.
    return undefined;
  }
}

async function readFolder(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch {
    // Deleted meanwhile or not readable: there is nothing in it for us.
    return [];
  }
}

async function exists(path: string): Promise<boolean> {
  return (await statOrNothing(path, lstat)) !== undefined;
}

function inNeverWalked(path: string): boolean {
  return path
    .split('/')
    .slice(0, -1)
    .some((part) => neverWalked.has(part));
}

async function forEachLimited<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const lane = async () => {
    for (const item of iterator) {
      if (signal?.aborted === true) throw cancelled();
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
}

/** Does quick work for each of many items, and lets other work of the event loop run in between. */
async function eachBreathing<T>(items: Iterable<T>, work: (item: T) => void, signal?: AbortSignal): Promise<void> {
  let count = 0;
  for (const item of items) {
    work(item);
    if (++count % 1000 !== 0) continue;
    if (signal?.aborted === true) throw cancelled();
    await new Promise((done) => {
      setImmediate(done);
    });
  }
}
