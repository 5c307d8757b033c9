// Builds the Rust addon into dist/native/tiercel.node. Plain Node without dependencies, so that it runs before anything
// is installed. Nothing happens when no source changed since the last build.
//
//   node scripts/build-native.mjs            build
//   node scripts/build-native.mjs --types    build, and write server/src/native/addon.d.ts (needs the npm dependencies)
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cargoEnvironment, missingTools } from './machine.mjs';
import { root } from './sources.mjs';

const native = join(root, 'native');
const output = join(root, 'dist', 'native');
const addon = join(output, 'tiercel.node');
const stamp = join(output, 'tiercel.stamp');
const declarations = join(root, 'server', 'src', 'native', 'addon.d.ts');
const wantTypes = process.argv.includes('--types');

const fingerprint = fingerprintOf(native);
if (!wantTypes && existsSync(addon) && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) {
  process.exit(0);
}

const missing = missingTools();
const environment = cargoEnvironment();
const target = environment.CARGO_TARGET_DIR;
const types = join(output, 'types');
if (wantTypes) {
  rmSync(types, { recursive: true, force: true });
  mkdirSync(types, { recursive: true });
}
console.error(`Building the Rust addon (the first time takes minutes) in ${target}`);
const built = spawnSync('cargo', ['build', '--release', '--locked', '--package', 'tiercel-node'], {
  cwd: native,
  stdio: ['ignore', 'inherit', 'inherit'],
  env: {
    ...environment,
    // napi-derive writes the types of the exports it expands; the changing value makes cargo expand them again.
    ...(wantTypes ? { NAPI_TYPE_DEF_TMP_FOLDER: types, NAPI_FORCE_BUILD_TIERCEL_NODE: String(Date.now()) } : {}),
  },
});
if (built.error !== undefined || built.status !== 0) {
  console.error(built.error?.message ?? 'cargo failed: the lines above say why.');
  for (const tool of missing) console.error(`Missing: ${tool}`);
  process.exit(1);
}

mkdirSync(output, { recursive: true });
install(join(target, 'release', libraryName()), addon);
writeFileSync(stamp, fingerprint);
if (wantTypes) {
  await writeDeclarations();
}

/** A digest of everything the build reads: sources, manifests, the lock file and the platform. */
function fingerprintOf(folder) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(rs|toml|lock)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(join(native, 'target')))
    .sort();
  for (const path of entries) {
    hash.update(`\0${path.slice(folder.length)}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function libraryName() {
  switch (process.platform) {
    case 'win32':
      return 'tiercel_node.dll';
    case 'darwin':
      return 'libtiercel_node.dylib';
    default:
      return 'libtiercel_node.so';
  }
}

/** Puts the file in place in one step: a process that has the old one loaded keeps it. */
function install(from, to) {
  const draft = `${to}.${process.pid}`;
  copyFileSync(from, draft);
  try {
    renameSync(draft, to);
  } catch (error) {
    rmSync(draft, { force: true });
    console.error(`Cannot replace ${to}: ${error.message}. End the Tiercel server (and VS Code), then build again.`);
    process.exit(1);
  }
}

async function writeDeclarations() {
  const { generateTypeDef } = await import('@napi-rs/cli');
  const { dts } = await generateTypeDef({ typeDefDir: types, cwd: root, noDtsHeader: true });
  writeFileSync(
    declarations,
    `// Written by scripts/build-native.mjs --types from the Rust sources; do not edit.\n${dts}`,
  );
  rmSync(types, { recursive: true, force: true });
}
