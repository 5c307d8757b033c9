/** A large tree of real source code, assembled from what a developer's machine has. */
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { execFileSync } from 'node:child_process';

/** Folders of sources, in the order in which they are taken. Absent ones are passed over. */
function sources(root) {
  const registry = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry', 'src');
  const crates = existsSync(registry) ? readdirSync(registry).map((name) => join(registry, name)) : [];
  const goRoot = run('go', ['env', 'GOROOT']);
  const goModules = run('go', ['env', 'GOMODCACHE']);
  const python = run('python3', ['-c', 'import sysconfig; print(sysconfig.get_paths()["stdlib"])']);
  return [
    ['crates', ...crates],
    ['packages', join(root, 'node_modules')],
    ['include', '/usr/include'],
    ['go', goRoot === undefined ? undefined : join(goRoot, 'src'), goModules],
    ['python', python],
  ];
}

function run(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/**
 * Copies sources into `target` until it has `files` files. No ignore rule of a package's own counts: its `.gitignore` is left out.
 *
 * @returns {{ files: number, bytes: number }}
 */
export function assemble(root, target, files) {
  const made = { files: 0, bytes: 0 };
  mkdirSync(target, { recursive: true });
  for (const [name, ...folders] of sources(root)) {
    folders.forEach((folder, at) => {
      if (folder === undefined || !existsSync(folder)) return;
      // node_modules and the like are names that walks pass over.
      copyUpTo(folder, join(target, `${name}${at === 0 ? '' : `-${at}`}`), files, made);
    });
  }
  return made;
}

function copyUpTo(from, to, most, made) {
  for (const item of readdirSync(from, { withFileTypes: true })) {
    if (made.files >= most) return;
    const name = item.name === 'node_modules' ? 'nested_modules' : item.name;
    if (name === '.git' || name === '.gitignore' || name === '.ignore') continue;
    const source = join(from, item.name);
    if (item.isDirectory()) copyUpTo(source, join(to, name), most, made);
    else if (item.isFile()) {
      mkdirSync(to, { recursive: true });
      cpSync(source, join(to, name), { preserveTimestamps: true });
      made.files += 1;
    }
  }
}

/** Makes the tree a git repository with one commit, as a real one is. */
export function commitAll(folder) {
  const git = (...args) =>
    execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.org', '-c', 'core.autocrlf=false', ...args], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      maxBuffer: 1 << 30,
    });
  git('init', '--quiet');
  git('add', '--all', '--force');
  git('commit', '--quiet', '--message', 'everything');
}

/** A file no query of the measurement can find elsewhere. */
export function writeMarker(folder, path, text) {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
