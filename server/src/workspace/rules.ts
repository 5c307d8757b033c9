/** Ignore files with git's meaning: each counts for its own folder and below, deeper ones before outer ones. */
import ignore, { type Ignore } from 'ignore';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Linux file systems tell `A` from `a`, the others usually do not; git's `core.ignoreCase` has the same defaults. */
const ignoreCase = process.platform === 'win32' || process.platform === 'darwin';

/** All ignore files of one name (`.gitignore`) below one folder, read on demand and kept. */
class IgnoreFiles {
  readonly #top: string;
  readonly #name: string;
  readonly #outer: Ignore;
  readonly #files = new Map<string, Ignore | undefined>();
  readonly #folders = new Map<string, boolean>();

  /**
   * @param top folder that paths are relative to
   * @param outer patterns that count for `top` when no file decides
   */
  constructor(top: string, name: string, outer: readonly string[] = []) {
    this.#top = top;
    this.#name = name;
    this.#outer = compile(outer);
  }

  /** @param path relative to `top`, with `/`; true also when a folder above it is ignored */
  ignores(path: string, isFolder: boolean): boolean {
    const parent = parentOf(path);
    if (parent !== '' && this.#ignoresFolder(parent)) return true;
    return isFolder ? this.#ignoresFolder(path) : this.#matches(path, false);
  }

  #ignoresFolder(path: string): boolean {
    const seen = this.#folders.get(path);
    if (seen !== undefined) return seen;
    const parent = parentOf(path);
    const ignored = (parent !== '' && this.#ignoresFolder(parent)) || this.#matches(path, true);
    this.#folders.set(path, ignored);
    return ignored;
  }

  /** The verdict on this very path, given that no folder above it is ignored. */
  #matches(path: string, isFolder: boolean): boolean {
    for (let folder = parentOf(path); ; folder = parentOf(folder)) {
      const verdict = ask(this.#file(folder), folder === '' ? path : path.slice(folder.length + 1), isFolder);
      if (verdict !== undefined) return verdict;
      if (folder === '') return ask(this.#outer, path, isFolder) ?? false;
    }
  }

  #file(folder: string): Ignore | undefined {
    if (this.#files.has(folder)) return this.#files.get(folder);
    const text = readText(join(this.#top, folder, this.#name));
    const file = text === undefined ? undefined : compile([text]);
    this.#files.set(folder, file);
    return file;
  }
}

export interface RuleSources {
  /** Absolute folder that paths are relative to. */
  root: string;
  /** Patterns of the `exclude` setting. */
  exclude: readonly string[];
  /** Where `.gitignore` files begin to count: the folder itself, or a folder above it. */
  gitTop: string;
  /** Files with patterns of lower rank than any `.gitignore`. */
  gitExcludeFiles: readonly string[];
}

/**
 * What the ignore rules say of a path. A snapshot: make another after an ignore file changed.
 *
 * `.gitignore`, `.ignore` and the `exclude` setting are three rules, each of which alone leaves a file out.
 */
export class IgnoreRules {
  readonly #git: IgnoreFiles;
  readonly #prefix: string;
  readonly #plain: IgnoreFiles;
  readonly #exclude: Ignore;

  constructor(sources: RuleSources) {
    const outer = sources.gitExcludeFiles.map((file) => readText(file) ?? '');
    this.#git = new IgnoreFiles(sources.gitTop, '.gitignore', outer);
    this.#prefix = sources.root === sources.gitTop ? '' : relativePrefix(sources.gitTop, sources.root);
    this.#plain = new IgnoreFiles(sources.root, '.ignore');
    this.#exclude = compile(sources.exclude);
  }

  /** By `.ignore` files and the setting; git's own rules are git's to apply. */
  excludes(path: string, isFolder = false): boolean {
    return this.#plain.ignores(path, isFolder) || this.#exclude.ignores(isFolder ? `${path}/` : path);
  }

  /** By all rules, `.gitignore` among them. */
  ignores(path: string, isFolder: boolean): boolean {
    return this.excludes(path, isFolder) || this.#git.ignores(this.#prefix + path, isFolder);
  }
}

/** True for the files whose content {@link IgnoreRules} depends on. */
export function isIgnoreFile(name: string): boolean {
  return name === '.gitignore' || name === '.ignore';
}

/** Splits at `/`; the parent of a path without one is the empty string. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

function ask(rules: Ignore | undefined, path: string, isFolder: boolean): boolean | undefined {
  if (rules === undefined) return undefined;
  const tested = isFolder ? `${path}/` : path;
  let result = rules.test(tested);
  const parent = parentOf(path);
  // The library lets a folder's verdict pass down. Where a deeper file has taken that folder back, only what matches
  // the path itself counts: patterns for all below (`a/**`), and those that hold at any depth.
  if (result.ignored && parent !== '') {
    const inherited = rules.test(`${parent}/`);
    if (inherited.ignored && inherited.rule?.pattern.endsWith('**') !== true) {
      result = rules.test(tested.slice(parent.length + 1));
    }
  }
  if (result.ignored) return true;
  return result.unignored ? false : undefined;
}

function compile(patterns: readonly string[]): Ignore {
  const rules = ignore({ ignoreCase });
  for (const text of patterns) rules.add(text.replace(/^\uFEFF/, ''));
  return rules;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Absent, a folder, or unreadable: git goes on without it as well.
    return undefined;
  }
}

function relativePrefix(top: string, root: string): string {
  const rest = root.slice(top.length).replaceAll('\\', '/').replace(/^\//, '');
  return rest === '' ? '' : `${rest}/`;
}
