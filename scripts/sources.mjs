/** What the build reads, and whether what was built still fits it. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export const buildStampFile = join(root, 'dist', '.sources');

const inputs = [
  'client/src',
  'native',
  'protocol',
  'scripts',
  'server/src',
  'syntaxes',
  'package.json',
  'package-lock.json',
];
const notRead = new Set(['node_modules', 'target', 'fixtures']);

/** Hash of names and contents of all the build reads. */
export function sourceHash() {
  const hash = createHash('sha256').update(process.version).update(process.arch);
  for (const file of inputs.flatMap((input) => filesIn(join(root, input)))) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

export function isBuilt() {
  return existsSync(buildStampFile) && readFileSync(buildStampFile, 'utf8') === sourceHash();
}

/** True when node_modules holds exactly the versions of the lock file. npm keeps a lock file of its own in there. */
export function isInstalled() {
  const installedLock = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedLock)) return false;
  const installed = JSON.parse(readFileSync(installedLock, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || installed[path]?.version === version || (optional && !installed[path]),
  );
}

function filesIn(path) {
  if (!existsSync(path)) return [];
  const entries = readEntries(path);
  if (entries === undefined) return [path];
  return entries
    .filter(({ name }) => !notRead.has(name) && !name.endsWith('.node') && !/\.test\.m?ts$/.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? filesIn(join(path, entry.name)) : entry.isFile() ? [join(path, entry.name)] : [],
    );
}

function readEntries(path) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}
