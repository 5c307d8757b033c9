/** A folder on disk, mostly a git work tree, and what may happen to it. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Random } from './random.ts';
import { changedText, randomPath, randomText } from './sources.ts';

const identity = ['user.name=T', 'user.email=t@example.org', 'commit.gpgsign=false', 'protocol.file.allow=always'];

export class WorkTree {
  readonly root: string;
  readonly hasGit: boolean;

  constructor(root: string, hasGit: boolean) {
    this.root = root;
    this.hasGit = hasGit;
  }

  path(relative: string): string {
    return join(this.root, relative);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text);
  }

  read(path: string): string | undefined {
    try {
      return readFileSync(this.path(path), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** Runs git; false when it refuses, as it may in a state the steps before have made. */
  git(...args: string[]): boolean {
    try {
      this.#git('.', args);
      return true;
    } catch {
      return false;
    }
  }

  #git(folder: string, args: string[]): string {
    return execFileSync('git', [...identity.flatMap((setting) => ['-c', setting]), ...args], {
      cwd: this.path(folder),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null', GIT_EDITOR: 'true' },
    });
  }

  /** Files on the disk, without git's own. */
  files(): string[] {
    return [...this.stamps().keys()];
  }

  /** Path -> size and time. */
  stamps(): Map<string, string> {
    const found = new Map<string, string>();
    const visit = (folder: string): void => {
      for (const item of readdirSync(this.path(folder), { withFileTypes: true })) {
        if (item.name === '.git') continue;
        const path = folder === '' ? item.name : `${folder}/${item.name}`;
        if (item.isDirectory()) visit(path);
        else {
          const { size, mtimeMs } = statSync(this.path(path));
          found.set(path, `${String(size)}:${String(mtimeMs)}`);
        }
      }
    };
    visit('');
    return found;
  }

  folders(): string[] {
    return [...new Set(this.files().map((path) => dirname(path)))].filter((folder) => folder !== '.');
  }

  commitAll(message: string): void {
    this.git('add', '--all');
    this.git('commit', '--quiet', '--message', message);
  }

  /** A git operation that stopped halfway is given up. */
  settle(): void {
    for (const name of ['rebase', 'merge', 'cherry-pick']) this.git(name, '--abort');
  }
}

type Step = (tree: WorkTree, random: Random) => string | undefined;

const someFile = (tree: WorkTree, random: Random): string | undefined =>
  random.pick(tree.files().filter((path) => !path.endsWith('.gitignore') && !path.startsWith('.')));

/** What happens to files without git. Each says what it did; undefined: it was not possible. */
export const fileSteps: Record<string, Step> = {
  edit: (tree, random) => {
    const path = someFile(tree, random);
    if (path === undefined) return undefined;
    tree.write(path, changedText(random, path, tree.read(path) ?? ''));
    return path;
  },
  create: (tree, random) => {
    const path = randomPath(random);
    tree.write(path, randomText(random, path));
    return path;
  },
  'save by rename': (tree, random) => {
    const path = someFile(tree, random);
    if (path === undefined) return undefined;
    tree.write(`${path}.tmp`, randomText(random, path));
    renameSync(tree.path(`${path}.tmp`), tree.path(path));
    return path;
  },
  delete: (tree, random) => {
    const path = someFile(tree, random);
    if (path === undefined) return undefined;
    rmSync(tree.path(path));
    return path;
  },
  rename: (tree, random) => {
    const path = someFile(tree, random);
    const to = randomPath(random);
    if (path === undefined || existsSync(tree.path(to))) return undefined;
    mkdirSync(dirname(tree.path(to)), { recursive: true });
    renameSync(tree.path(path), tree.path(to));
    return `${path} -> ${to}`;
  },
  'rename folder': (tree, random) => {
    const folder = random.pick(
      tree.folders().filter((name) => !name.startsWith('inner') && !name.startsWith('module')),
    );
    if (folder === undefined) return undefined;
    const to = `moved${String(random.below(5))}/${String(random.below(5))}`;
    if (existsSync(tree.path(to))) return undefined;
    mkdirSync(dirname(tree.path(to)), { recursive: true });
    renameSync(tree.path(folder), tree.path(to));
    return `${folder} -> ${to}`;
  },
  'delete folder': (tree, random) => {
    const folder = random.pick(
      tree.folders().filter((name) => !name.startsWith('inner') && !name.startsWith('module')),
    );
    if (folder === undefined || tree.files().length < 40) return undefined;
    rmSync(tree.path(folder), { recursive: true });
    return folder;
  },
  'many files': (tree, random) => {
    const paths = Array.from({ length: 5 + random.below(40) }, () => randomPath(random));
    for (const path of paths) tree.write(path, randomText(random, path));
    return `${String(paths.length)} files`;
  },
  touch: (tree, random) => {
    const path = someFile(tree, random);
    if (path === undefined) return undefined;
    const now = new Date(Date.now() - random.below(100_000));
    utimesSync(tree.path(path), now, now);
    return path;
  },
  'change ignore rules': (tree, random) => {
    const rules = random.pick(['', 'docs/\n', '*.md\n', 'lib/deep/\n*.tmp\n']) ?? '';
    tree.write('.gitignore', rules);
    return JSON.stringify(rules);
  },
};

/** What happens by git. */
export const gitSteps: Record<string, Step> = {
  commit: (tree) => {
    tree.commitAll('work');
    return '';
  },
  'switch branch': (tree, random) => {
    const branch = random.pick(['one', 'two', 'three']) ?? 'one';
    tree.commitAll('before the switch');
    return tree.git('switch', '--quiet', branch) ? branch : undefined;
  },
  'switch with changes discarded': (tree, random) => {
    const branch = random.pick(['one', 'two', 'three']) ?? 'one';
    return tree.git('checkout', '--quiet', '--force', branch) ? branch : undefined;
  },
  stash: (tree) => (tree.git('stash', 'push', '--include-untracked', '--quiet') ? '' : undefined),
  'stash pop': (tree) => {
    const popped = tree.git('stash', 'pop', '--quiet');
    tree.git('checkout', '--quiet', '--force', 'HEAD', '--', '.');
    return popped ? '' : undefined;
  },
  rebase: (tree, random) => {
    tree.commitAll('before the rebase');
    const onto = random.pick(['one', 'two', 'three']) ?? 'one';
    const done = tree.git('rebase', '--quiet', '-X', 'theirs', onto);
    tree.settle();
    return done ? onto : undefined;
  },
  merge: (tree, random) => {
    tree.commitAll('before the merge');
    const other = random.pick(['one', 'two', 'three']) ?? 'one';
    const done = tree.git('merge', '--quiet', '-X', 'ours', '--no-edit', other);
    tree.settle();
    return done ? other : undefined;
  },
  reset: (tree) => (tree.git('reset', '--quiet', '--hard', 'HEAD~1') ? '' : undefined),
  clean: (tree) => (tree.git('clean', '-fdq') ? '' : undefined),
};

/** A repository with three branches, `apart` files apart, a submodule and a repository of its own inside. */
export function makeRepository(root: string, library: string, apart: number, random: Random): WorkTree {
  mkdirSync(root, { recursive: true });
  const tree = new WorkTree(root, true);
  tree.git('init', '--quiet', '--initial-branch', 'one');
  for (let i = 0; i < 40; i++) {
    const path = randomPath(random);
    tree.write(path, randomText(random, path));
  }
  tree.git('submodule', '--quiet', 'add', library, 'module');
  tree.commitAll('the beginning');
  for (const branch of ['two', 'three']) {
    tree.git('switch', '--quiet', '--create', branch, 'one');
    for (let i = 0; i < apart; i++) {
      const path = `far/${branch}/${String(i % 50)}/file${String(i)}.ts`;
      tree.write(path, randomText(random, path));
    }
    tree.commitAll(branch);
  }
  tree.git('switch', '--quiet', 'one');
  const inner = new WorkTree(join(root, 'inner'), true);
  mkdirSync(inner.root);
  inner.git('init', '--quiet');
  for (let i = 0; i < 5; i++) inner.write(`i${String(i)}.py`, randomText(random, 'i.py'));
  inner.commitAll('inner');
  return tree;
}

/** A small repository to be a submodule of others. */
export function makeLibrary(root: string, random: Random): void {
  mkdirSync(root, { recursive: true });
  const library = new WorkTree(root, true);
  library.git('init', '--quiet');
  for (let i = 0; i < 5; i++) library.write(`lib${String(i)}.go`, randomText(random, 'lib.go'));
  library.commitAll('library');
}
