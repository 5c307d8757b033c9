import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeVectors, encodeVectors } from '../../../models/instant-v2/vectors-file.mjs';
import { PieceReader } from '../../../models/instant-v2/words.mjs';
import { isCancelled } from '../../../protocol/errors.ts';
import { openInstantEmbedder } from './instant.ts';
import type { Embedder } from './types.ts';

const modelDir = fileURLToPath(new URL('../../../models/instant-v2', import.meta.url));

let embedder: Embedder;
let folder: string;

beforeAll(async () => {
  embedder = await openInstantEmbedder(modelDir);
  folder = await mkdtemp(join(tmpdir(), 'tiercel-instant-'));
});

afterAll(async () => {
  await embedder.close();
  await rm(folder, { recursive: true });
});

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
}

async function similarity(a: string, b: string): Promise<number> {
  return dot(await embedder.embed([a], 'query'), await embedder.embed([b], 'passage'));
}

/** The recipe's reading of text, with plain arithmetic. */
async function readByRecipe(): Promise<(text: string) => number[]> {
  const { dimension, vectors } = decodeVectors(await readFile(join(modelDir, 'vectors.bin')));
  const lines = (await readFile(join(modelDir, 'vocab.txt'), 'utf8')).trimEnd().split('\n');
  const reader = new PieceReader(lines);
  return (text) => {
    const sum = new Array<number>(dimension).fill(0);
    const ids = reader.piecesOf(text);
    for (const id of new Set(ids)) {
      const weight = 1 + Math.log(ids.filter((other) => other === id).length);
      for (let k = 0; k < dimension; k++) sum[k] = (sum[k] ?? 0) + weight * (vectors[id * dimension + k] ?? Number.NaN);
    }
    const length = Math.hypot(...sum);
    return length === 0 ? sum.map((_, k) => (k === 0 ? 1 : 0)) : sum.map((value) => value / length);
  };
}

describe('the instant lane', () => {
  it('puts related texts nearer than unrelated ones', async () => {
    const related: [string, string, string][] = [
      [
        'delete a user',
        'func RemoveAccount(id int) error { return db.Accounts.Delete(id) }',
        'def draw_circle(radius): ...',
      ],
      ['how are routes registered', 'router.add_route(path, handler)', 'const sum = values.reduce((a, b) => a + b)'],
      [
        'read a file line by line',
        'for line in open(filename).readlines():',
        'class HTTPServer extends EventEmitter {}',
      ],
    ];
    for (const [query, near, far] of related) {
      expect(await similarity(query, near)).toBeGreaterThan((await similarity(query, far)) + 0.1);
    }
  });

  it('reads text like the recipe that made the model', async () => {
    const expected = await readByRecipe();
    const word = fc.constantFrom(
      'parseHTTPServer',
      'naïve',
      'userIDs2',
      '日本',
      'snake_case',
      'Ünder',
      'ΣΑΣ',
      '0x1F',
      'é',
    );
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.array(word, { maxLength: 12 }).map((words) => words.join(' ')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (sample) => {
        const vector = await embedder.embed([sample], 'passage');
        for (const [k, value] of expected(sample).entries()) expect(vector[k]).toBeCloseTo(value, 4);
      }),
    );
  });

  it('gives a text the same vector whatever its neighbours and its role', async () => {
    const texts = Array.from({ length: 700 }, (_, i) => `function number${i}() { return parse(file${i % 7}); }`);
    const together = await embedder.embed(texts, 'passage');
    const { dimension } = embedder.model;
    expect(together.length).toBe(texts.length * dimension);
    for (const index of [0, 255, 256, 699]) {
      const alone = await embedder.embed([texts[index] ?? ''], 'query');
      expect(together.subarray(index * dimension, (index + 1) * dimension)).toEqual(alone);
    }
  });

  it('gives texts without a word the first axis, and no texts no vectors', async () => {
    const vectors = await embedder.embed(['', '{};'], 'passage');
    expect([...vectors.subarray(0, 2)]).toEqual([1, 0]);
    expect(vectors.subarray(0, 256)).toEqual(vectors.subarray(256));
    expect((await embedder.embed([], 'query')).length).toBe(0);
  });

  it('names its model by the content of the file', async () => {
    const file = await readFile(join(modelDir, 'vectors.bin'));
    expect(embedder.model).toMatchObject({ dimension: 256, licence: 'Apache-2.0' });
    expect(embedder.model.id).toBe(`instant-v2-${file.readUInt32LE(24).toString(16).padStart(8, '0')}`);
  });

  it('stops when cancelled', async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(embedder.embed(['text'], 'query', stop.signal)).rejects.toSatisfy(isCancelled);
    const later = new AbortController();
    const under = embedder.embed(new Array<string>(2000).fill('parse the file'), 'passage', later.signal);
    later.abort();
    await expect(under).rejects.toSatisfy(isCancelled);
  });

  it('reads what the recipe writes', async () => {
    const vocabulary = Buffer.from('read\n##er\n');
    await writeFile(join(folder, 'vocab.txt'), vocabulary);
    await writeFile(join(folder, 'vectors.bin'), encodeVectors(Float32Array.of(3, 0, 0, 4), 2, vocabulary));
    const small = await openInstantEmbedder(folder);
    expect([...(await small.embed(['Reader'], 'query'))]).toEqual([expect.closeTo(0.6), expect.closeTo(0.8)]);
  });

  it('says which file is missing or damaged', async () => {
    const broken = await mkdtemp(join(folder, 'broken-'));
    await expect(openInstantEmbedder(broken)).rejects.toMatchObject({
      code: 'InstallWhatIsMissing',
      message: expect.stringContaining('vectors.bin is missing') as string,
    });
    await cp(modelDir, broken, { recursive: true });
    await truncate(join(broken, 'vectors.bin'), 5_000_000);
    await expect(openInstantEmbedder(broken)).rejects.toMatchObject({
      code: 'InstallWhatIsMissing',
      message: expect.stringContaining('cut off') as string,
    });
  });
});
