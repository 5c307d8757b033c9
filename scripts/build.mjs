/**
 * `npm run build [-- native|grammars|bundles …]`: everything that is built, into `dist/`.
 *
 * The bundles are split: an entry of `main.mjs` loads the code of its own room only, so that a parse process never
 * touches onnxruntime and a missing native module fails the one thing that needs it. Native modules stay outside.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildStampFile, root, sourceHash } from './sources.mjs';

const output = join(root, 'dist');

const external = [
  'onnxruntime-node',
  'tree-sitter',
  'tree-sitter-*',
  '@tree-sitter-grammars/*',
  '@derekstride/*',
  'msgpackr-extract',
  'fsevents',
  '*.node',
];

function script(name) {
  const { status, signal } = spawnSync(process.execPath, [join(root, 'scripts', name)], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`scripts/${name} ended with ${signal ?? `code ${String(status)}`}`);
}

async function bundles() {
  const esbuild = await import('esbuild');
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    legalComments: 'linked',
    metafile: true,
    outdir: 'dist',
  };
  const server = await esbuild.build({
    ...common,
    entryPoints: { main: 'server/src/main.ts' },
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunk-[hash]',
    format: 'esm',
    splitting: true,
    external,
    // CommonJS packages inside the bundle ask for Node's own modules by `require`.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  });
  const client = await esbuild.build({
    ...common,
    entryPoints: { extension: 'client/src/extension.ts' },
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    external: ['vscode'],
  });
  const written = new Set([server, client].flatMap(({ metafile }) => Object.keys(metafile.outputs)));
  for (const name of readdirSync(output)) {
    if (/\.(?:mjs|cjs)(?:\.map|\.LEGAL\.txt)?$/.test(name) && !written.has(`dist/${name}`)) rmSync(join(output, name));
  }
}

const parts = {
  native: () => script('build-native.mjs'),
  grammars: () => script('build-grammars.mjs'),
  bundles,
};

export async function build(wanted = Object.keys(parts)) {
  const hash = sourceHash();
  for (const name of wanted) {
    const part = parts[name];
    if (part === undefined)
      throw new Error(`There is no part ${name} to build; there are ${Object.keys(parts).join(', ')}.`);
    const start = performance.now();
    await part();
    console.error(`built ${name} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  if (wanted.length === Object.keys(parts).length) writeFileSync(buildStampFile, hash);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const wanted = process.argv.slice(2);
  build(wanted.length === 0 ? undefined : wanted).catch((error) => {
    console.error(`The build failed: ${error.message}`);
    process.exitCode = 1;
  });
}
