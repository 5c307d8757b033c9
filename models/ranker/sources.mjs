/** The product's own rooms, bundled from their sources, for what is done in this process. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Exports of modules of `server/src`, by name: `{ chunkFile: 'chunking/chunk-file.ts' }`. */
export async function fromServer(name, exported) {
  // Beside dist/main.mjs, so that grammars and addon are found as there.
  const outfile = join(root, 'dist', `ranker-${name}.mjs`);
  const lines = Object.entries(exported).map(([member, file]) => `export { ${member} } from './server/src/${file}';`);
  await build({
    stdin: { contents: lines.join('\n'), resolveDir: root },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outfile,
    external: [
      'onnxruntime-node',
      'tree-sitter',
      'tree-sitter-*',
      '@tree-sitter-grammars/*',
      '@derekstride/*',
      '*.node',
    ],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
  return import(outfile);
}

/** SplitMix32, by Guy Steele and others: numbers from 0 to 1 that are the same in every run. */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}
