/**
 * `npm run bench -- engine|gpu|prepare [OPTION …]`: bundles bench/ and runs it, see docs/bench.md.
 *
 * The bundle holds the parse and inference processes as well, so that preparing data needs no other build than the
 * addon's and the grammars'.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { cargoEnvironment } from './machine.mjs';
import { root } from './sources.mjs';

const output = join(root, '.cache', 'bench');

/** @returns {Promise<{ program: string, env: NodeJS.ProcessEnv }>} what to run, and in which environment */
export async function bundleBench() {
  await build({
    absWorkingDir: root,
    entryPoints: { bench: 'bench/main.ts', server: 'server/src/main.ts' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    splitting: true,
    outdir: output,
    outExtension: { '.js': '.mjs' },
    external: [
      'onnxruntime-node',
      'tree-sitter',
      'tree-sitter-*',
      '@tree-sitter-grammars/*',
      '@derekstride/*',
      'msgpackr-extract',
      'fsevents',
      '*.node',
    ],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
  return {
    program: join(output, 'bench.mjs'),
    env: {
      // The GPU's kernels are measured by a Rust program, which the bench builds.
      ...cargoEnvironment(),
      TIERCEL_NATIVE: process.env.TIERCEL_NATIVE || join(root, 'dist', 'native', 'tiercel.node'),
      TIERCEL_BENCH_ROOT: root,
    },
  };
}

async function main(args) {
  const { program, env } = await bundleBench();
  const child = spawn(process.execPath, ['--expose-gc', program, ...args], { stdio: 'inherit', env });
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code, signal) => done(code ?? 128 + constants.signals[signal]));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main(process.argv.slice(2)).then(
    (code) => {
      process.exitCode = code;
    },
    (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}
