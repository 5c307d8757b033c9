/** What the machine must have to build Tiercel, and the line that installs what it lacks. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { root } from './sources.mjs';

const lowestNode = [20, 19];

const lines = {
  node: {
    linux: 'See https://nodejs.org/en/download, or: nvm install 22',
    darwin: 'brew install node@22',
    win32: 'winget install OpenJS.NodeJS.LTS',
  },
  cargo: {
    linux: "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
    darwin: "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
    win32: 'winget install Rustlang.Rustup',
  },
  compiler: {
    linux: 'sudo apt-get install -y build-essential python3   (Fedora: sudo dnf install -y gcc-c++ make python3)',
    darwin: 'xcode-select --install',
    win32: 'winget install Microsoft.VisualStudio.2022.BuildTools   (with "Desktop development with C++")',
  },
};

/**
 * Runs before anything is installed; adds the user's Cargo folder to PATH where a shell's start-up file did not.
 *
 * @returns a sentence per thing that is missing, each with the line that installs it
 */
export function missingTools() {
  const missing = [];
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < lowestNode[0] || (major === lowestNode[0] && minor < lowestNode[1])) {
    missing.push(`Node ${lowestNode.join('.')} or newer (this is ${process.versions.node}).\n  ${line('node')}`);
  }
  const cargoFolder = join(process.env.CARGO_HOME || join(homedir(), '.cargo'), 'bin');
  if (!answers('cargo') && existsSync(cargoFolder)) process.env.PATH = `${cargoFolder}${delimiter}${process.env.PATH}`;
  const rust = rustVersion();
  const wanted = /rust-version = "([\d.]+)"/.exec(readFileSync(join(root, 'native', 'Cargo.toml'), 'utf8'))[1];
  if (rust === undefined) missing.push(`cargo, which builds the search engine.\n  ${line('cargo')}`);
  else if (isOlder(rust, wanted)) missing.push(`Rust ${wanted} or newer (this is ${rust}).\n  rustup update stable`);
  if (process.platform !== 'win32') {
    const tools = ['cc', ...(mustCompileModules() ? ['c++', 'make', 'python3'] : [])].filter((tool) => !answers(tool));
    if (tools.length > 0) missing.push(`a C++ compiler with its tools (${tools.join(', ')}).\n  ${line('compiler')}`);
  }
  return missing;
}

/**
 * Environment of `npm ci`: onnxruntime's own installer would download GPU libraries that are not used, and node-gyp
 * would download headers that most installations of Node bring along.
 */
export function installEnvironment() {
  const environment = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  if (existsSync(join(prefix, 'include', 'node', 'node.h'))) environment.npm_config_nodedir = prefix;
  return environment;
}

/** One Cargo target folder for all checkouts of this user: heavy crates are compiled once. */
export function cargoEnvironment() {
  return { ...process.env, CARGO_TARGET_DIR: process.env.CARGO_TARGET_DIR || join(userCache(), 'cargo-target') };
}

function userCache() {
  if (process.platform === 'win32') {
    return join(process.env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'tiercel');
  }
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'tiercel');
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tiercel');
}

/** The npm that runs this script, else the one on the PATH. */
export function npm(args, options) {
  const own = process.env.npm_execpath;
  if (own?.endsWith('.js')) return spawnSync(process.execPath, [own, ...args], options);
  return spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
}

/** tree-sitter's prebuilt addon for Linux was linked with GCC 13, whose C++ library came with systems of glibc 2.38. */
function mustCompileModules() {
  if (existsSync(join(root, 'node_modules', 'tree-sitter', 'build', 'Release'))) return false;
  if (process.platform !== 'linux') return false;
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  return glibc === undefined || isOlder(glibc, '2.38');
}

function rustVersion() {
  const { status, stdout } = spawnSync('rustc', ['--version'], { encoding: 'utf8' });
  return status === 0 && answers('cargo') ? /\d+\.\d+(?:\.\d+)?/.exec(stdout)?.[0] : undefined;
}

function answers(tool) {
  return spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0;
}

function isOlder(version, wanted) {
  const [a, b] = [version, wanted].map((text) => text.split('.').map(Number));
  const at = b.findIndex((part, index) => (a[index] ?? 0) !== part);
  return at !== -1 && (a[at] ?? 0) < b[at];
}

function line(tool) {
  return lines[tool][process.platform] ?? lines[tool].linux;
}
