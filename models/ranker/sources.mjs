/** The product's own rooms, bundled from their sources, for what is done in this process; and the training repositories. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
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

/**
 * The transformer of the package, on the processor.
 *
 * @param added folder of the models that a user added
 */
export async function openDeep({ ModelCatalog, ownProcess, openDeepEmbedder }, added) {
  const model = await new ModelCatalog(join(root, 'models'), added).resolve('minilm-l6');
  const command = ownProcess('inference', join(root, 'dist', 'main.mjs'));
  const embedder = await openDeepEmbedder({ model, command, mode: 'on', provider: 'cpu' });
  await embedder.load();
  return embedder;
}

/** The store of a folder, once the server that ends has let go of it: it does so one after the other. */
export async function openStore({ openEmbeddedStore }, options) {
  for (;;) {
    try {
      return await openEmbeddedStore(options);
    } catch (error) {
      if (error.code !== 'RetryLater') throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
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

/** Parts the repositories are divided into: what is reported of one was learned from the others. */
export const folds = 5;

function hash(text) {
  let value = 2166136261;
  for (const char of text) value = Math.imul(value ^ char.codePointAt(0), 16777619);
  return value >>> 0;
}

/** The fold of a folder of questions; those of alone.mjs are made of one fold's repositories and name it. */
export function foldOf(folder) {
  const alone = /^alone-(\d+)-/.exec(folder);
  return alone ? Number(alone[1]) : hash(folder) % folds;
}

/** What READY of models/training/checkout.mjs lists. */
export function repositoriesOf(training) {
  const lines = readFileSync(join(training, 'READY'), 'utf8').trim().split('\n');
  return lines
    .map((line) => line.split('\t'))
    .map(([language, name, , , files]) => ({ language, name, files: Number(files) }));
}

const largestFile = 300_000;

function* filesIn(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== '.git' && entry.name !== 'node_modules') yield* filesIn(path);
    else if (entry.isFile() && statSync(path).size <= largestFile) yield path;
  }
}

/** Files of a language as the product cuts them: `{ path, text, chunks }`, those its parser knows only. */
export function parsedFiles(folder, language, { chunkFile, languageOf }) {
  const files = [];
  for (const file of filesIn(folder)) {
    const path = relative(folder, file);
    const of = languageOf(path);
    if (of !== language && !(language === 'typescript' && of === 'javascript') && !(language === 'cpp' && of === 'c'))
      continue;
    const text = readFileSync(file, 'utf8');
    if (text.includes('\0')) continue;
    const { chunks, method } = chunkFile({ path, language: of, text });
    if (method === 'parsed') files.push({ path, text, chunks });
  }
  return files;
}
