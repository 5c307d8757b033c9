/** For tests: the inference process as a bundle, since Node does not run TypeScript. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { ProcessCommand } from '../processes/command.ts';

const room = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface BundledProcess {
  command: ProcessCommand;
  remove(): Promise<void>;
}

/** The bundle lies below the project's root, where it finds the packages it does not hold. */
export async function bundleInferenceProcess(): Promise<BundledProcess> {
  const cache = join(root, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'tiercel-inference-'));
  const outfile = join(folder, 'inference.mjs');
  await build({
    stdin: {
      contents: "import { runInferenceProcess } from './process.ts';\nawait runInferenceProcess();\nprocess.exit(0);\n",
      resolveDir: room,
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['onnxruntime-node', 'msgpackr'],
    outfile,
    logLevel: 'silent',
  });
  return {
    command: { file: process.execPath, args: [outfile] },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
