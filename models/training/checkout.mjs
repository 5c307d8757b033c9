/**
 * Checks out what training reads of every repository: source and documentation files of its newest commit, without
 * vendored copies, generated files, fixtures and large files.
 *
 *   node models/training/checkout.mjs --list repositories.tsv --mirrors FOLDER --out FOLDER
 *
 * `--list` has the columns language and owner/name; FOLDER of `--mirrors` holds `owner+name/repo`, bare clones. Writes
 * `OUT/owner+name/`, and to `OUT/READY` a line per repository: language, repository, commit, licence, files. Repositories
 * without a mirror or under another licence are named on standard error and left out.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { licenceOf } from './licences.mjs';
import { isGenerated, isLeftOut, languageOfExtension } from './sources.mjs';

const largestFile = 200_000;
const licenceFile = /^(?:mit-)?(?:licen[cs]e|copying|copyright|unlicense)[^/]*$/i;
const packageLicenceFile = /^[^/]+\/licen[cs]e[^/]*$/i;
/** Licences of what comes along, not of the repository. */
const notOurs = new Set(['LICENSE-THIRD-PARTY', 'LICENSE-DEPENDENCIES.md', 'LICENSE-3RD-PARTY']);
const documents = new Set(['.md', '.rst']);

const { values: options } = parseArgs({
  options: { list: { type: 'string' }, mirrors: { type: 'string' }, out: { type: 'string' } },
});
if (options.list === undefined || options.mirrors === undefined || options.out === undefined) {
  console.error('usage: node checkout.mjs --list repositories.tsv --mirrors FOLDER --out FOLDER');
  process.exit(2);
}

function git(mirror, args, extra = {}) {
  return execFileSync('git', [`--git-dir=${mirror}`, ...args], { maxBuffer: 1 << 30, ...extra });
}

/** @returns the paths of regular files of the newest commit with their sizes */
function filesOf(mirror) {
  const listing = git(mirror, ['ls-tree', '-r', '-l', '-z', 'HEAD'], { encoding: 'utf8' });
  return listing
    .split('\0')
    .map((line) => /^100\d{3} blob \S+ +(\d+)\t(.*)$/s.exec(line))
    .filter((match) => match !== null)
    .map(([, size, path]) => ({ path, size: Number(size) }));
}

/**
 * @returns the licence by the files at the top, or, of a repository of packages, in the folders below; undefined when it
 * is none of those accepted
 */
function licenceOfMirror(mirror, files) {
  for (const pattern of [licenceFile, packageLicenceFile]) {
    const names = files.map(({ path }) => path).filter((path) => pattern.test(path) && !notOurs.has(path));
    if (names.length > 0) {
      return licenceOf(names.map((name) => git(mirror, ['show', `HEAD:${name}`], { encoding: 'utf8' })));
    }
  }
  return undefined;
}

function checkOut(mirror, folder, paths) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, GIT_INDEX_FILE: join(options.out, 'index.tmp') };
  git(mirror, ['read-tree', 'HEAD'], { env });
  const input = paths.join('\0');
  git(mirror, [`--work-tree=${folder}`, 'checkout-index', '-z', '--stdin', `--prefix=${folder}/`], { env, input });
  rmSync(env.GIT_INDEX_FILE);
}

mkdirSync(options.out, { recursive: true });
const ready = [];
for (const line of readFileSync(options.list, 'utf8').trim().split('\n').slice(1)) {
  const [language, repository] = line.split('\t');
  const name = repository.replace('/', '+');
  const mirror = join(options.mirrors, name, 'repo');
  if (!existsSync(mirror)) {
    console.error(`${repository}: no mirror`);
    continue;
  }
  const files = filesOf(mirror);
  const licence = licenceOfMirror(mirror, files);
  if (licence === undefined) {
    console.error(`${repository}: no accepted licence`);
    continue;
  }
  const wanted = files.filter(({ path, size }) => {
    const extension = extname(path).toLowerCase();
    return size <= largestFile && !isLeftOut(path) && (languageOfExtension.has(extension) || documents.has(extension));
  });
  const folder = join(options.out, name);
  checkOut(
    mirror,
    folder,
    wanted.map(({ path }) => path),
  );
  const generated = wanted.filter(({ path }) => isGenerated(readFileSync(join(folder, path), 'utf8')));
  for (const { path } of generated) {
    rmSync(join(folder, path));
  }
  const commit = git(mirror, ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  ready.push([language, repository, commit, licence, wanted.length - generated.length].join('\t'));
}
writeFileSync(join(options.out, 'READY'), `${ready.join('\n')}\n`);
