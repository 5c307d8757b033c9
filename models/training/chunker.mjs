/** The product's own chunker, bundled from its sources. */
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const outfile = join(root, '.cache', 'training', 'chunker.mjs');

/** Makes the bundle that {@link loadChunker} reads. Needs the grammars: `npm run build -- grammars`. */
export async function bundleChunker() {
  await build({
    stdin: {
      contents: `export { chunkFile } from './server/src/chunking/chunk-file.ts';
        export { embeddingText } from './server/src/chunking/embedding-text.ts';
        export { bareCommentLine } from './server/src/chunking/comment-text.ts';
        export { openInstantEmbedder } from './server/src/inference/instant.ts';
        export { languageOf } from './server/src/workspace/languages.ts';`,
      resolveDir: root,
    },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outfile,
    external: ['tree-sitter', '*.node'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

/** @returns chunkFile, embeddingText, bareCommentLine and languageOf of the server */
export function loadChunker() {
  return import(pathToFileURL(outfile).href);
}
