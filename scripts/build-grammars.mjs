/**
 * Puts one loadable `dist/grammars/<name>.node` per grammar of `syntaxes/package.json` in place.
 *
 * The grammar packages are installed without their install scripts (several would download compilers or generate
 * parsers) into a scratch folder. What remains of each is the prebuilt parser where it loads on this machine, else one
 * compiled from its C sources. Results are kept in the user's cache folder under a key made of the lock file, this
 * script and the platform, so that another checkout costs a copy and an unchanged one nothing.
 *
 * A grammar that can neither be loaded nor compiled is named on stderr and left out: its files are cut by lines.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(import.meta.url);
const root = dirname(dirname(script));
const manifestFolder = join(root, 'syntaxes');
const target = join(root, 'dist', 'grammars');
const manifest = JSON.parse(readFileSync(join(manifestFolder, 'package.json'), 'utf8'));
const tools = new Set(['node-api-headers', 'node-gyp-build']);
const packages = Object.keys(manifest.dependencies).filter((name) => !tools.has(name));

/** `tree-sitter-c-sharp` and `@scope/tree-sitter-kotlin` are kept as `c-sharp.node` and `kotlin.node`. */
const outputName = (packageName) => `${basename(packageName).replace(/^tree-sitter-/, '')}.node`;

function cacheKey() {
  const hash = createHash('sha256');
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) {
    hash.update(readFileSync(join(manifestFolder, file)));
  }
  hash.update(readFileSync(script));
  const libc = process.platform === 'linux' ? (process.report?.getReport().header.glibcVersionRuntime ?? 'musl') : '';
  hash.update(`${process.platform}-${process.arch}-${libc}`);
  return hash.digest('hex').slice(0, 24);
}

function cacheRoot() {
  const base =
    process.platform === 'win32'
      ? (process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
      : (process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'));
  return join(base, 'tiercel', 'grammars');
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (result.status === 0) return undefined;
  return (result.stderr || result.error?.message || `${command} ended with ${result.status ?? result.signal}`).trim();
}

/** In a process of its own, because a library that does not fit may end the one that loads it. */
function loadError(file) {
  const program =
    'const m = { exports: {} }; process.dlopen(m, process.argv[1]); if (!Object.keys(m.exports).length) process.exit(3);';
  return run(process.execPath, ['-e', program, file]);
}

/** Folders with a generated parser, the package's main grammar first. */
function parserSources(folder) {
  const candidates = [folder, ...readdirSync(folder).map((name) => join(folder, name))];
  return candidates.map((path) => join(path, 'src')).filter((path) => existsSync(join(path, 'parser.c')));
}

/** N-API entry that exports `language` (the first grammar) and one object per grammar, as the prebuilt ones do. */
function bindingSource(symbols) {
  const declare = symbols.map((symbol) => `extern const void *tree_sitter_${symbol}(void);`).join('\n');
  const fill = symbols
    .map((symbol, index) => {
      const own = `napi_value o${index}; napi_create_object(env, &o${index}); put(env, o${index}, tree_sitter_${symbol}()); napi_set_named_property(env, exports, "${symbol}", o${index});`;
      return index === 0 ? `put(env, exports, tree_sitter_${symbol}()); ${own}` : own;
    })
    .join('\n  ');
  return `#include <node_api.h>
${declare}
static const napi_type_tag language_tag = {0x8AF2E5212AD58ABFULL, 0xD5006CAD83ABBA16ULL};
static void put(napi_env env, napi_value object, const void *language) {
  napi_value external;
  napi_create_external(env, (void *)language, NULL, NULL, &external);
  napi_type_tag_object(env, external, &language_tag);
  napi_set_named_property(env, object, "language", external);
}
NAPI_MODULE_INIT() {
  ${fill}
  return exports;
}
`;
}

/** -O1: the generated tables and state machine gain nothing from more, and large parsers take minutes with it. */
function compile(scratch, packageName, output) {
  if (process.platform === 'win32') return 'no prebuilt parser, and compiling one is not supported on Windows';
  const folder = join(scratch, 'node_modules', packageName);
  const sources = parserSources(folder);
  if (sources.length === 0) return 'the package has neither a prebuilt parser nor C sources';
  const build = mkdtempSync(join(scratch, 'build-'));
  const objects = [];
  const symbols = [];
  for (const [index, source] of sources.entries()) {
    const symbol = /TSLanguage \*tree_sitter_(\w+)\(void\)/.exec(readFileSync(join(source, 'parser.c'), 'utf8'))?.[1];
    if (symbol === undefined) return `no parser entry in ${basename(source)}/parser.c`;
    symbols.push(symbol);
    for (const file of ['parser.c', 'scanner.c'].filter((name) => existsSync(join(source, name)))) {
      const object = join(build, `${index}-${file}.o`);
      const failure = run('cc', ['-O1', '-fPIC', '-w', '-c', '-I', source, join(source, file), '-o', object]);
      if (failure !== undefined) return failure;
      objects.push(object);
    }
  }
  const binding = join(build, 'binding.c');
  writeFileSync(binding, bindingSource(symbols));
  const headers = join(scratch, 'node_modules', 'node-api-headers', 'include');
  const shared = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
  return run('cc', ['-O1', '-fPIC', '-w', ...shared, '-I', headers, binding, ...objects, '-o', output]);
}

/** @returns what was wrong, or undefined when `output` loads. */
function produce(scratch, packageName, output) {
  const packageRequire = createRequire(join(scratch, 'package.json'));
  let reason;
  try {
    const prebuilt = packageRequire('node-gyp-build').path(join(scratch, 'node_modules', packageName));
    reason = loadError(prebuilt);
    if (reason === undefined) {
      copyFileSync(prebuilt, output);
      return undefined;
    }
  } catch {
    reason = 'no prebuilt parser for this platform';
  }
  const failure = compile(scratch, packageName, output) ?? loadError(output);
  if (failure === undefined) return undefined;
  rmSync(output, { force: true });
  return `${reason}; ${failure}`;
}

function fillCache(folder) {
  mkdirSync(dirname(folder), { recursive: true });
  const scratch = mkdtempSync(join(dirname(folder), 'scratch-'));
  try {
    for (const file of ['package.json', 'package-lock.json', '.npmrc']) {
      copyFileSync(join(manifestFolder, file), join(scratch, file));
    }
    process.stderr.write(`Installing ${packages.length} grammars\n`);
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const failure = run(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: scratch,
      shell: process.platform === 'win32',
    });
    if (failure !== undefined) throw new Error(`npm could not install the grammars:\n${failure}`);
    const result = join(scratch, 'result');
    mkdirSync(result);
    const missing = {};
    for (const packageName of packages) {
      const reason = produce(scratch, packageName, join(result, outputName(packageName)));
      if (reason !== undefined) missing[packageName] = reason;
    }
    writeFileSync(join(result, 'missing.json'), `${JSON.stringify(missing, null, 2)}\n`);
    try {
      renameSync(result, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error;
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function isComplete(folder) {
  const missing = join(folder, 'missing.json');
  return existsSync(missing) && Object.keys(JSON.parse(readFileSync(missing, 'utf8'))).length === 0;
}

function main() {
  const key = cacheKey();
  const stamp = join(target, 'key');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
  const cached = join(cacheRoot(), key);
  // What could not be compiled once may be now (a compiler was installed): only a complete result is kept for good.
  if (!isComplete(cached)) {
    rmSync(cached, { recursive: true, force: true });
    fillCache(cached);
  }
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(cached)) copyFileSync(join(cached, file), join(target, file));
  const missing = JSON.parse(readFileSync(join(cached, 'missing.json'), 'utf8'));
  for (const [name, reason] of Object.entries(missing)) {
    process.stderr.write(`Without ${name}, its files are cut by lines: ${reason}\n`);
  }
  writeFileSync(stamp, key);
}

main();
