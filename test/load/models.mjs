/**
 * How fast the models of the package are, for the table in docs/models.md:
 *
 *   node test/load/models.mjs [--seconds N] [--software-gpu] [--one-layer FOLDER]
 *
 * CPU with one and two threads; with `--software-gpu` WebGPU on SwiftShader too, for the model in FOLDER (as
 * models/minilm-l6/convert.mjs writes it with a third argument of 1), because a whole one takes minutes there.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    'software-gpu': { type: 'boolean', default: false },
    'one-layer': { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const softwareGpu = {
  LD_LIBRARY_PATH: '/usr/lib/chromium',
  VK_ICD_FILENAMES: '/usr/lib/chromium/vk_swiftshader_icd.json',
};

async function load() {
  const outfile = join(root, '.cache', 'models-load', 'inference.mjs');
  const room = './server/src/inference';
  await build({
    stdin: {
      contents: `export { openInstantEmbedder } from '${room}/instant.ts';
        export { SupervisedModel } from '${room}/supervise.ts';
        export { openReranker } from '${room}/rerank.ts';
        export { ModelCatalog } from '${room}/models/catalog.ts';
        export { ownProcess } from './server/src/processes/command.ts';`,
      resolveDir: root,
    },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outfile,
    external: ['onnxruntime-node', '*.node'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
  process.env.TIERCEL_NATIVE ||= join(root, 'dist', 'native', 'tiercel.node');
  return import(pathToFileURL(outfile).href);
}

/** Texts of about so many tokens: every word below is one. */
function texts(tokens, count) {
  const words = 'open file read line by line and count how many words are in each of them then close it again'.split(
    ' ',
  );
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: tokens - 2 }, (_, j) => words[(i + j) % words.length]).join(' '),
  );
}

/** Texts per second of an asynchronous call that takes a list of them, after one call that warms up. */
async function rate(embed, list) {
  await embed(list);
  const started = performance.now();
  let done = 0;
  while (performance.now() - started < seconds * 1000) {
    await embed(list);
    done += list.length;
  }
  return (done * 1000) / (performance.now() - started);
}

function report(model, provider, threads, tokens, perSecond, note = '') {
  console.log(
    `| ${model} | ${provider} | ${threads} | ${tokens} | ${perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(2)} | ${note} |`,
  );
}

async function transformer({ SupervisedModel, ownProcess }, name, model, provider, threads, lengths) {
  const command = ownProcess('inference', join(root, 'dist', 'main.mjs'));
  const env = provider === 'webgpu' ? { ...command.env, ...softwareGpu } : command.env;
  let placement;
  const supervised = new SupervisedModel({
    command: { ...command, env },
    idleMs: 600_000,
    background: false,
    open: () => ({ model: model.spec(provider), provider, threads, selfTest: 'none', yieldMs: 0 }),
    onOpened: (opened) => {
      placement = opened.placement;
    },
  });
  try {
    for (const tokens of lengths) {
      const embed = (list) => supervised.request({ kind: 'embed', role: 'passage', texts: list });
      const perSecond = await rate(embed, texts(tokens, provider === 'webgpu' ? 2 : 16));
      report(name, provider, threads, tokens, perSecond, `${placement.onCpu} of ${placement.nodes} nodes on the CPU`);
    }
  } finally {
    await supervised.close();
  }
}

/** A catalog with the one-layer model in place of the whole one. */
async function oneLayer(ModelCatalog, folder, scratch) {
  const { models } = JSON.parse(readFileSync(join(root, 'models', 'registry.json'), 'utf8'));
  const entry = models.find(({ id }) => id === 'minilm-l6');
  mkdirSync(scratch, { recursive: true });
  writeFileSync(join(scratch, 'registry.json'), JSON.stringify({ models: [entry] }));
  cpSync(folder, join(scratch, 'minilm-l6'), { recursive: true });
  return new ModelCatalog(scratch, join(scratch, 'none')).resolve('minilm-l6');
}

async function main() {
  const parts = await load();
  const { ModelCatalog, openInstantEmbedder, openReranker, ownProcess } = parts;
  console.log(`${cpus()[0]?.model.trim()}, ${cpus().length} cores\n`);
  console.log('| model | provider | threads | tokens | texts/s | |\n| --- | --- | --- | --- | --- | --- |');
  const instant = await openInstantEmbedder(join(root, 'models', 'instant-v2'));
  for (const tokens of [64, 256]) {
    report('instant-v2', 'cpu', 1, tokens, await rate((list) => instant.embed(list, 'passage'), texts(tokens, 1024)));
  }
  await instant.close();
  const model = await new ModelCatalog(join(root, 'models'), join(tmpdir(), 'no-models')).resolve('minilm-l6');
  for (const threads of [1, 2]) await transformer(parts, 'minilm-l6', model, 'cpu', threads, [16, 64, 256]);
  const command = ownProcess('inference', join(root, 'dist', 'main.mjs'));
  for (const threads of [1, 2]) {
    const reranker = openReranker({ model, command, choice: { provider: 'cpu', why: '' }, threads });
    await reranker.load();
    for (const tokens of [64, 128]) {
      let scored = 0;
      let ms = 0;
      for (let i = 0; i < 10; i++) {
        const { scores, milliseconds } = await reranker.rerank('how are lines counted', texts(tokens, 50));
        scored += scores.length;
        ms += milliseconds;
      }
      console.log(
        `rerank, ${threads} threads, ${tokens} tokens: ${scored / 10} of 50 texts in ${(ms / 10).toFixed(0)} ms`,
      );
    }
    await reranker.close();
  }
  if (values['one-layer'] !== undefined) {
    const scratch = mkdtempSync(join(tmpdir(), 'tiercel-one-layer-'));
    const one = await oneLayer(ModelCatalog, values['one-layer'], scratch);
    await transformer(parts, 'minilm-l6, one layer', one, 'cpu', 1, [64]);
    if (values['software-gpu']) await transformer(parts, 'minilm-l6, one layer', one, 'webgpu', 1, [16, 64]);
    rmSync(scratch, { recursive: true });
  }
}

await main();
