/** The long runs share code with the TypeScript tests: it is bundled into a temporary folder and run from there. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');

/**
 * @param {string} source a TypeScript file, relative to `test/`
 * @param {string} folder
 * @returns {Promise<string>} path of its bundle in `folder`
 */
export async function bundled(source, folder) {
  const outfile = join(folder, basename(source).replace('.ts', '.mjs'));
  await build({
    entryPoints: [join(root, 'test', source)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  return outfile;
}

/** The environment of a bundle: it does not lie where the addon is looked for. Ends the process when there is none. */
export function addonEnvironment() {
  const addon = process.env.TIERCEL_NATIVE ?? join(root, 'dist', 'native', 'tiercel.node');
  if (!existsSync(addon)) {
    console.error(`There is no addon at ${addon}: npm run build`);
    process.exit(2);
  }
  return { ...process.env, TIERCEL_NATIVE: addon };
}
