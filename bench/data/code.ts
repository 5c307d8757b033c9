/** Embeddings of real source code found on this machine, in three lanes. Prepared once, kept in the user's cache. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openDeepEmbedder } from '../../server/src/inference/deep.ts';
import { openInstantEmbedder } from '../../server/src/inference/instant.ts';
import { ownProcess } from '../../server/src/processes/command.ts';
import { ModelCatalog } from '../../server/src/inference/models/catalog.ts';
import { modelsDirectory, userModelsDirectory } from '../../server/src/settings/paths.ts';
import { log } from '../log.ts';
import { benchFolder, serverBundle, sourceRoot } from '../places.ts';
import { requirePython } from '../python.ts';
import { collectChunks } from './chunks.ts';
import { bytesOf, fileDataset, type Dataset } from './dataset.ts';

export const codeLanes = ['instant', 'lsa', 'deep'] as const;
export type CodeLane = (typeof codeLanes)[number];

/** Components of a vector. */
const dimensions = { instant: 256, lsa: 768, deep: 384 } as const;
const labels = {
  instant: 'source code, static token vectors (instant lane), 256-d',
  lsa: 'source code, latent semantic analysis, 768-d',
  deep: 'source code, transformer (deep lane), 384-d',
} as const;

/** Held-out chunks that serve as queries; they stand first among the texts. */
const queryCount = 500;
const baseCount = 100_000;
/** Some fall out later: different texts may get the same vector. */
const spare = 1.05;

const folder = (): string => join(benchFolder(), 'code');
const textsFile = (): string => join(folder(), 'texts.jsonl');
const laneFolder = (lane: CodeLane): string => join(folder(), lane);

/** @throws Error that says what to run when the lane has not been prepared. */
export function openCode(lane: CodeLane): Dataset {
  const dimension = dimensions[lane];
  const found = existsSync(join(laneFolder(lane), 'base.f32'));
  if (!found) throw new Error(`There are no vectors of the lane ${lane} yet: npm run bench -- prepare --lane ${lane}`);
  return fileDataset({ id: `code-${lane}`, label: labels[lane], dimension, folder: laneFolder(lane) });
}

/**
 * Makes a lane's vectors where they are missing; the deep lane goes on where it was.
 *
 * @param minutes after which the deep lane stops, however many it has
 */
export async function prepareCode(lane: CodeLane, minutes: number): Promise<void> {
  if (!existsSync(textsFile())) await prepareTexts();
  const base = join(laneFolder(lane), 'base.f32');
  if (lane === 'lsa' && !existsSync(base)) runLsa();
  if (lane === 'deep') await runDeep(minutes);
  const { count, label } = openCode(lane);
  log(`${count} vectors of ${label}`);
}

/** Collects the texts and, on the way, their vectors of the instant lane, by which equal ones are left out. */
async function prepareTexts(): Promise<void> {
  const wanted = queryCount + baseCount;
  const { texts, packages } = await collectChunks(Math.ceil(wanted * spare));
  const embedder = await openInstantEmbedder(join(modelsDirectory(), 'instant-v2'));
  const vectors = await embedder.embed(texts, 'passage');
  await embedder.close();
  const dimension = embedder.model.dimension;
  const seen = new Set<string>();
  const kept: { text: string; vector: Float32Array }[] = [];
  for (const [index, text] of texts.entries()) {
    const vector = vectors.subarray(index * dimension, (index + 1) * dimension);
    const key = bytesOf(vector).toString('base64');
    if (seen.has(key) || kept.length === wanted) continue;
    seen.add(key);
    kept.push({ text, vector });
  }
  if (kept.length < 2 * queryCount) throw new Error(`Only ${kept.length} chunks were found, too few to bench with.`);
  mkdirSync(laneFolder('instant'), { recursive: true });
  const queries = kept.slice(0, queryCount);
  const base = kept.slice(queryCount);
  writeFileSync(
    join(laneFolder('instant'), 'queries.f32'),
    Buffer.concat(queries.map(({ vector }) => bytesOf(vector))),
  );
  writeFileSync(join(laneFolder('instant'), 'base.f32'), Buffer.concat(base.map(({ vector }) => bytesOf(vector))));
  const facts = { chunks: kept.length, queries: queryCount, chunksByPackageBeforeDuplicates: packages };
  writeFileSync(join(folder(), 'packages.json'), `${JSON.stringify(facts, null, 2)}\n`);
  writeFileSync(`${textsFile()}.part`, kept.map(({ text }) => `${JSON.stringify(text)}\n`).join(''));
  renameSync(`${textsFile()}.part`, textsFile());
  log(
    `${kept.length} chunks of ${Object.keys(packages).length} packages, listed in ${join(folder(), 'packages.json')}`,
  );
}

function runLsa(): void {
  const python = requirePython();
  const target = laneFolder('lsa');
  const part = `${target}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  const program = join(sourceRoot(), 'bench', 'data', 'lsa.py');
  const args = [program, textsFile(), String(queryCount), String(dimensions.lsa), part];
  const { status } = spawnSync(python, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error('bench/data/lsa.py failed, see above.');
  rmSync(target, { recursive: true, force: true });
  renameSync(part, target);
}

async function runDeep(minutes: number): Promise<void> {
  const target = laneFolder('deep');
  const base = join(target, 'base.f32');
  const queries = join(target, 'queries.f32');
  mkdirSync(target, { recursive: true });
  const texts = await readTexts();
  const embedder = await openDeepEmbedder({
    model: await new ModelCatalog(modelsDirectory(), userModelsDirectory()).resolve('minilm-l6'),
    command: ownProcess('inference', serverBundle()),
    mode: 'on',
  });
  const end = performance.now() + minutes * 60_000;
  try {
    if (!existsSync(queries)) {
      writeFileSync(queries, bytesOf(await embedder.embed(texts.slice(0, queryCount), 'passage')));
    }
    const atATime = 64;
    const rowBytes = dimensions.deep * 4;
    let done = existsSync(base) ? Math.floor(statSync(base).size / rowBytes) : 0;
    while (performance.now() < end && queryCount + done < texts.length) {
      const next = texts.slice(queryCount + done, queryCount + done + atATime);
      appendFileSync(base, bytesOf(await embedder.embed(next, 'passage')));
      done += next.length;
    }
  } finally {
    await embedder.close();
  }
}

async function readTexts(): Promise<string[]> {
  const texts: string[] = [];
  for await (const line of createInterface({ input: createReadStream(textsFile()) })) {
    texts.push(JSON.parse(line) as string);
  }
  return texts;
}
