import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isCancelled } from '../../../protocol/errors.ts';
import { deepModel, openDeepEmbedder, probeDeep, type DeepEmbedder, type DeepEmbedderOptions } from './deep.ts';
import { TransformerModel } from './model.ts';
import { bundleInferenceProcess, type BundledProcess } from './test-process.ts';
import { maxTokens, TextEncoder } from './tokens.ts';

const modelDir = fileURLToPath(new URL('../../../models/minilm-l6', import.meta.url));
const { dimension } = deepModel;

const texts = [
  'read a file line by line',
  'fn open(path: &Path) -> io::Result<File> { File::open(path) }',
  'The quick brown fox jumps over the lazy dog.',
  'x',
  'SELECT count(*) FROM orders WHERE paid = 0 GROUP BY customer ORDER BY 1 DESC LIMIT 10',
];

let bundle: BundledProcess;
const open: DeepEmbedder[] = [];

async function openEmbedder(more: Partial<DeepEmbedderOptions> = {}): Promise<DeepEmbedder> {
  const embedder = await openDeepEmbedder({ modelDir, command: bundle.command, mode: 'on', threads: 1, ...more });
  open.push(embedder);
  return embedder;
}

function row(vectors: Float32Array, index: number): Float32Array {
  return vectors.subarray(index * dimension, (index + 1) * dimension);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
}

beforeAll(async () => {
  bundle = await bundleInferenceProcess();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((embedder) => embedder.close()));
});

afterAll(async () => {
  await bundle.remove();
});

describe('the deep lane', () => {
  it('gives the vectors of the model, whatever the neighbours of a text', async () => {
    const encoder = await TextEncoder.load(join(modelDir, 'tokenizer.json'));
    const model = await TransformerModel.open({ modelDir, provider: 'cpu', threads: 1 });
    const embedder = await openEmbedder();
    const together = await embedder.embed(texts, 'passage');
    expect(together.length).toBe(texts.length * dimension);
    for (const [index, text] of texts.entries()) {
      const { ids } = encoder.encode(text);
      const reference = await model.run([ids], ids.length);
      expect(largestDifference(row(together, index), reference)).toBeLessThan(1e-3);
      expect(largestDifference(row(together, index), await embedder.embed([text], 'query'))).toBeLessThan(1e-3);
    }
    await model.close();
  });

  it('finds meaning, gives unit vectors, and the first axis for a text without a token', async () => {
    const embedder = await openEmbedder();
    const vectors = await embedder.embed(
      [
        'delete a user account',
        'def remove_member(self, id): self.members.pop(id)',
        'compute the fourier transform',
        '',
      ],
      'passage',
    );
    expect(dot(row(vectors, 0), row(vectors, 1))).toBeGreaterThan(dot(row(vectors, 0), row(vectors, 2)) + 0.1);
    for (const index of [0, 1, 2, 3]) expect(dot(row(vectors, index), row(vectors, index))).toBeCloseTo(1, 4);
    expect([...row(vectors, 3).subarray(0, 3)]).toEqual([1, 0, 0]);
    expect((await embedder.embed([], 'query')).length).toBe(0);
    expect(embedder.device).toBe('cpu');
  });

  it('cuts long texts at the length the model was trained on', async () => {
    const encoder = await TextEncoder.load(join(modelDir, 'tokenizer.json'));
    const { ids } = encoder.encode('token '.repeat(5000));
    expect(ids.length).toBe(maxTokens);
    expect([ids[0], ids.at(-1)]).toEqual([101, 102]);
  });

  it('goes on with a new process when one is killed in the middle of a batch', async () => {
    const embedder = await openEmbedder();
    const expected = await embedder.embed(texts, 'passage');
    const first = embedder.processId;
    const many = Array.from({ length: 20 }, () => texts).flat();
    const under = embedder.embed(many, 'passage');
    // A question is answered between two batches of the passages: the process is in the middle of them.
    await embedder.embed(['question'], 'query');
    process.kill(first ?? 0, 'SIGKILL');
    const vectors = await under;
    expect(embedder.processId).not.toBe(first);
    expect(largestDifference(vectors.subarray(0, expected.length), expected)).toBeLessThan(1e-3);
  });

  it('gives up with a report when a second process ends under the same texts', async () => {
    const embedder = await openEmbedder({
      command: { file: process.execPath, args: ['-e', 'process.stdin.once("data", () => process.exit(7))'] },
    });
    await expect(embedder.embed(texts, 'passage')).rejects.toMatchObject({
      code: 'Report',
      message: expect.stringContaining('ended with status 7') as string,
    });
  });

  it('stops a cancelled request soon and answers the next', async () => {
    const embedder = await openEmbedder();
    await embedder.embed(['warm'], 'query');
    const stop = new AbortController();
    const long = Array.from({ length: 400 }, (_, i) => `${texts[1]} number ${i}`.repeat(8));
    const under = embedder.embed(long, 'passage', stop.signal);
    await embedder.embed(['question'], 'query');
    stop.abort();
    await expect(under).rejects.toSatisfy(isCancelled);
    const started = performance.now();
    await embedder.embed(['the next'], 'passage');
    // 400 texts of 256 tokens take half a minute here; one batch and one text do not.
    expect(performance.now() - started).toBeLessThan(5000);
    await expect(embedder.embed(['late'], 'query', stop.signal)).rejects.toSatisfy(isCancelled);
  });

  it('ends its process when idle and starts another when needed', async () => {
    const embedder = await openEmbedder({ idleMs: 50 });
    expect(embedder.processId).toBeUndefined();
    await embedder.embed(['one'], 'query');
    await expect.poll(() => embedder.processId, { timeout: 10_000 }).toBeUndefined();
    expect((await embedder.embed(['two'], 'query')).length).toBe(dimension);
  });

  it('names what is missing', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'tiercel-model-'));
    await expect(openEmbedder({ modelDir: empty })).rejects.toMatchObject({
      code: 'InstallWhatIsMissing',
      message: expect.stringContaining('model.q8.onnx') as string,
    });
    await rm(empty, { recursive: true });
  });

  it('says in a sentence why it is off, without harm to this process', async () => {
    const crashing = { file: process.execPath, args: ['-e', 'process.kill(process.pid, "SIGSEGV")'] };
    const probe = await probeDeep({ modelDir, command: crashing });
    expect(probe).toMatchObject({ available: false, reason: expect.stringMatching(/SIGSEGV.*\.$/) as string });
    await expect(openEmbedder({ mode: 'auto', command: crashing })).rejects.toMatchObject({ message: probe.reason });

    const silent = { file: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] };
    const slow = await probeDeep({ modelDir, command: silent, limitMs: 300 });
    expect(slow).toMatchObject({ available: false, reason: expect.stringContaining('0.3 s') as string });
  });
});
