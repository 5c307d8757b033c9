/**
 * `npm run package`: `tiercel-<version>-<platform>.vsix`, with this platform's binaries only and without anything that
 * the bundles already contain. The path of the package goes to standard output.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkMachine, buildIfStale, install } from './prepare.mjs';
import { root } from './sources.mjs';

/** A package above this size has caught something that does not belong in it. */
const mostMegabytes = 90;

/** What stays outside the bundles at run time. */
const nativePackages = ['onnxruntime-node', 'onnxruntime-common', 'tree-sitter', 'node-gyp-build'];

/** Without these the extension would install and then fail. */
const indispensable = [
  'dist/extension.cjs',
  'dist/main.mjs',
  'dist/native/tiercel.node',
  'dist/grammars/typescript.node',
  'syntaxes/ecma/chunks.scm',
  'syntaxes/typescript/chunks.scm',
  'models/registry.json',
  'models/instant-v2/vectors.bin',
  `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`,
  'node_modules/tree-sitter/index.js',
];

const platform = `${process.platform}-${process.arch}`;

/** The rules of `.vscodeignore` with the native modules of this platform added. */
function packageRules() {
  const own = readFileSync(join(root, '.vscodeignore'), 'utf8');
  const runtime = `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`;
  const treeSitter = existsSync(join(root, 'node_modules/tree-sitter/build/Release'))
    ? 'node_modules/tree-sitter/build/Release/*.node'
    : `node_modules/tree-sitter/prebuilds/${platform}/*.node`;
  return [
    own,
    ...nativePackages.flatMap((name) => [`!node_modules/${name}/package.json`, `!node_modules/${name}/LICENSE*`]),
    '!node_modules/onnxruntime-node/dist/**/*.js',
    '!node_modules/onnxruntime-common/dist/cjs/**/*.{js,json}',
    `!${runtime}/**`,
    '!node_modules/tree-sitter/index.js',
    `!${treeSitter}`,
    '!node_modules/node-gyp-build/*.js',
  ].join('\n');
}

async function main() {
  checkMachine();
  install();
  await buildIfStale();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const file = join(root, `tiercel-${version}-${platform}.vsix`);
  // Written only for the packager: which binaries belong in depends on the machine.
  const rules = join(root, 'dist', '.vscodeignore');
  writeFileSync(rules, packageRules());
  const { listFiles } = await import('@vscode/vsce');
  const files = new Set(await listFiles({ cwd: root, ignoreFile: rules }));
  const absent = indispensable.filter((name) => !files.has(name));
  if (absent.length > 0) throw new Error(`The package would lack ${absent.join(', ')}: see .vscodeignore.`);
  rmSync(file, { force: true });
  const vsce = join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
  const { status } = spawnSync(
    process.execPath,
    [
      vsce,
      'package',
      '--no-update-package-json',
      '--allow-missing-repository',
      '--no-rewrite-relative-links',
      '--target',
      platform,
      '--ignoreFile',
      rules,
      '--out',
      file,
    ],
    { cwd: root, stdio: ['ignore', process.stderr.fd, 'inherit'] },
  );
  if (status !== 0) throw new Error('vsce could not make the package: see above.');
  const megabytes = statSync(file).size / 1024 / 1024;
  console.error(`${megabytes.toFixed(1)} MB`);
  if (megabytes > mostMegabytes)
    throw new Error(`The package has more than ${mostMegabytes} MB: .vscodeignore lets too much in.`);
  console.log(file);
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
