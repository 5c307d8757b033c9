/**
 * Builds the VS Code that the end-to-end test drives: code-server from the npm registry, compiled here once per user
 * and shared by all checkouts. Run again it only checks. Prints the entry script's path.
 *
 * The package's own postinstall is skipped: it needs downloads and Kerberos headers. Only what the test uses is built.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const version = '4.100.3';

/** Native modules of VS Code's server that have no prebuilt binary in the npm tarball. */
const nativeModules = ['@vscode/spdlog', 'node-pty', 'native-watchdog'];

const programs = [
  { name: 'rg', paths: ['/usr/bin/rg'], install: 'apt-get install -y ripgrep' },
  { name: 'chromium', paths: ['/usr/bin/chromium'], install: 'apt-get install -y chromium' },
  { name: 'nvim', paths: ['/usr/bin/nvim'], install: 'apt-get install -y neovim' },
  { name: 'g++', paths: ['/usr/bin/g++', '/usr/bin/c++'], install: 'apt-get install -y g++' },
  { name: 'make', paths: ['/usr/bin/make'], install: 'apt-get install -y make' },
  { name: 'python3', paths: ['/usr/bin/python3'], install: 'apt-get install -y python3' },
];

function cacheFolder() {
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'tiercel', 'code-server', version);
}

/** @returns {string[]} one line per missing program, each with the command that installs it */
export function missingPrograms() {
  return programs
    .filter((program) => !program.paths.some((candidate) => existsSync(candidate)))
    .map((program) => `${program.name} is missing: ${program.install}`);
}

function run(command, args, cwd, extraEnv = {}) {
  const result = spawnSync(command, args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...extraEnv },
  });
  if (result.status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} failed in ${cwd} (${result.error?.message ?? `exit ${result.status}`})`,
    );
  }
}

function link(target, file) {
  rmSync(file, { force: true });
  symlinkSync(target, file);
}

/** node-gyp as npm carries it; VS Code's modules need no other copy. */
function nodeGyp() {
  const globalModules = execFileSync('npm', ['root', '-g'], { encoding: 'utf8' }).trim();
  return path.join(globalModules, 'npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
}

/** Headers beside the running Node (Debian's package, nodejs.org's archive), so that node-gyp downloads nothing. */
function nodeFolder() {
  const prefix = path.dirname(path.dirname(process.execPath));
  const found = [prefix, '/usr', '/usr/local'].find((folder) => existsSync(path.join(folder, 'include/node/node.h')));
  if (found === undefined) {
    throw new Error('The headers of Node.js (include/node/node.h) are missing: apt-get install -y libnode-dev');
  }
  return found;
}

function install(folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{"private":true}\n');
  run('npm', ['install', '--ignore-scripts', '--no-fund', '--no-audit', `code-server@${version}`], folder);

  const vscode = path.join(folder, 'node_modules/code-server/lib/vscode');
  const production = ['install', '--omit=dev', '--ignore-scripts', '--no-fund', '--no-audit'];
  run('npm', production, vscode);
  run('npm', production, path.join(vscode, 'extensions'));

  const gyp = nodeGyp();
  const headers = nodeFolder();
  for (const name of nativeModules) {
    run('node', [gyp, 'rebuild', `--nodedir=${headers}`], path.join(vscode, 'node_modules', name));
  }
  run('npm', ['rebuild', 'argon2'], folder, { npm_config_nodedir: headers });

  const ripgrep = path.join(vscode, 'node_modules/@vscode/ripgrep/bin');
  mkdirSync(ripgrep, { recursive: true });
  link('/usr/bin/rg', path.join(ripgrep, 'rg'));
  link('node_modules', path.join(vscode, 'node_modules.asar'));
  link('code-linux.sh', path.join(vscode, 'bin/remote-cli/code-server'));
  link('browser-linux.sh', path.join(vscode, 'bin/helpers/browser.sh'));
}

/**
 * Makes sure code-server is there.
 * @returns {string} absolute path of its entry script
 * @throws {Error} naming what the machine lacks and the line that installs it
 */
export function ensureCodeServer() {
  const missing = missingPrograms();
  if (missing.length > 0) {
    throw new Error(missing.join('\n'));
  }
  const folder = cacheFolder();
  const entry = path.join(folder, 'node_modules/code-server/out/node/entry.js');
  const complete = path.join(folder, 'complete');
  if (!existsSync(complete) || readFileSync(complete, 'utf8') !== process.version) {
    rmSync(complete, { force: true });
    install(folder);
    writeFileSync(complete, process.version);
  }
  return entry;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    process.stdout.write(`${ensureCodeServer()}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
