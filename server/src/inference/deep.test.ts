import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isCancelled } from '../../../protocol/errors.ts';
import { openDeepEmbedder, type DeepEmbedder, type DeepEmbedderOptions } from './deep.ts';
import { TransformerModel } from './model.ts';
import { ModelCatalog, type ResolvedModel } from './models/catalog.ts';
import { probeProvider } from './probe.ts';
import { bundleInferenceProcess, type BundledProcess } from './test-process.ts';
import { TextEncoder } from './tokens.ts';

const builtIn = fileURLToPath(new URL('../../../models', import.meta.url));

const texts = [
  'read a file line by line',
  'fn open(path: &Path) -> io::Result<File> { File::open(path) }',
  'The quick brown fox jumps over the lazy dog.',
  'x',
  'SELECT count(*) FROM orders WHERE paid = 0 GROUP BY customer ORDER BY 1 DESC LIMIT 10',
];

let bundle: BundledProcess;
let model: ResolvedModel;
let dimension: number;
const open: DeepEmbedder[] = [];

async function openEmbedder(more: Partial<DeepEmbedderOptions> = {}): Promise<DeepEmbedder> {
  const embedder = await openDeepEmbedder({
    model,
    command: bundle.command,
    mode: 'on',
    provider: 'cpu',
    threads: 1,
    ...more,
  });
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
  model = await new ModelCatalog(builtIn, join(tmpdir(), 'tiercel-no-models')).resolve('minilm-l6');
  dimension = model.info.dimension;
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((embedder) => embedder.close()));
});

afterAll(async () => {
  await bundle.remove();
});

describe('the deep lane', () => {
  it('gives the vectors of the model, whatever the neighbours of a text', async () => {
    const spec = model.spec('cpu');
    const encoder = await TextEncoder.load(spec.tokenizer, spec.maxTokens);
    const here = await TransformerModel.open({ model: spec, provider: 'cpu', threads: 1 });
    const embedder = await openEmbedder();
    const together = await embedder.embed(texts, 'passage');
    expect(together.length).toBe(texts.length * dimension);
    for (const [index, text] of texts.entries()) {
      const { ids } = encoder.encode(text);
      const reference = await here.run([ids], ids.length);
      expect(largestDifference(row(together, index), reference)).toBeLessThan(1e-3);
      expect(largestDifference(row(together, index), await embedder.embed([text], 'query'))).toBeLessThan(1e-3);
      expect(largestDifference(row(together, index), await embedder.embed([text], 'similar'))).toBeLessThan(1e-3);
    }
    await here.close();
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
  });

  it('says what ran where', async () => {
    const embedder = await openEmbedder();
    expect(embedder.placement).toBeUndefined();
    await embedder.embed(['one'], 'passage');
    expect(embedder.device).toBe('cpu');
    expect(embedder.choice.why).toContain('CPU');
    expect(embedder.placement).toMatchObject({ nodes: expect.any(Number) as number, onCpu: 0, cpuOperators: [] });
    expect(embedder.placement?.nodes).toBeGreaterThan(100);
  });

  it('cuts long texts at the length the model was trained on', async () => {
    const { tokenizer, maxTokens } = model.spec('cpu');
    const encoder = await TextEncoder.load(tokenizer, maxTokens);
    const { ids } = encoder.encode('token '.repeat(5000));
    expect(ids.length).toBe(256);
    expect([ids[0], ids.at(-1)]).toEqual([101, 102]);
    const pair = encoder.encodePair('question '.repeat(500), 'token '.repeat(5000));
    expect(pair.ids.length).toBe(256);
    expect([pair.ids[0], pair.ids.at(-1), pair.types[0], pair.types.at(-1)]).toEqual([101, 102, 0, 1]);
    expect(pair.ids.filter((id) => id === 102)).toHaveLength(2);
  });

  it('gives up with a report when process after process ends under the same texts', async () => {
    const embedder = await openEmbedder({
      command: { file: process.execPath, args: ['-e', 'process.stdin.once("data", () => process.exit(7))'] },
    });
    await expect(embedder.embed(texts, 'passage')).rejects.toMatchObject({
      code: 'Report',
      message: expect.stringContaining('ended with status 7') as string,
    });
    await expect(embedder.load()).rejects.toMatchObject({ code: 'Report' });
  });

  it('stops a cancelled request soon and answers the next', async () => {
    const embedder = await openEmbedder();
    await embedder.embed(['warm'], 'passage');
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

  it('ends its processes when idle, starts others when needed, and loads ahead of need', async () => {
    const embedder = await openEmbedder({ idleMs: 50 });
    expect(embedder.processIds).toEqual({ passages: undefined, questions: undefined });
    await embedder.load();
    expect(embedder.loaded).toBe(true);
    await embedder.embed(['one'], 'query');
    await embedder.embed(['one'], 'passage');
    await expect
      .poll(() => [embedder.processIds.passages, embedder.processIds.questions], { timeout: 10_000 })
      .toEqual([undefined, undefined]);
    expect(embedder.loaded).toBe(false);
    expect((await embedder.embed(['two'], 'query')).length).toBe(dimension);
  });
});

describe('which provider', () => {
  const crashing = { file: process.execPath, args: ['-e', 'process.kill(process.pid, "SIGSEGV")'] };

  it('is the one asked for, or an error with the reason', async () => {
    for (const provider of ['cuda', 'directml', 'coreml'] as const) {
      await expect(openEmbedder({ provider })).rejects.toMatchObject({
        code: 'InstallWhatIsMissing',
        message: expect.stringMatching(new RegExp(`The provider ${provider} cannot be used: .+`)) as string,
      });
    }
    await expect(openEmbedder({ provider: 'webgpu', command: crashing })).rejects.toMatchObject({
      message: expect.stringContaining('SIGSEGV') as string,
    });
    await expect(openEmbedder({ provider: 'cpu', mode: 'auto' })).rejects.toMatchObject({
      message: expect.stringContaining('tiercel.deep') as string,
    });
  });

  it('is none, with the reasons, where auto finds no GPU; or the CPU where it may', async () => {
    await expect(openEmbedder({ provider: 'auto', mode: 'auto', command: crashing })).rejects.toMatchObject({
      message: expect.stringMatching(/^No GPU is used. WebGPU: .*SIGSEGV.*\.$/) as string,
    });
    const embedder = await openEmbedder({ provider: 'auto', mode: 'on', command: crashing });
    expect(embedder.device).toBe('cpu');
    expect(embedder.choice.why).toContain('SIGSEGV');
  });

  it('is not one that takes too long', async () => {
    const silent = { file: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] };
    const probe = await probeProvider({ model, provider: 'webgpu', command: silent, test: 'timed', limitMs: 300 });
    expect(probe).toMatchObject({ passed: false, reason: expect.stringContaining('0.3 s') as string });
  });
});

it('names what is missing', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'tiercel-model-'));
  await expect(new ModelCatalog(empty, empty).resolve('minilm-l6')).rejects.toMatchObject({
    code: 'InstallWhatIsMissing',
    message: expect.stringContaining('registry.json') as string,
  });
  const catalog = new ModelCatalog(builtIn, empty);
  await expect(catalog.resolve('coderankembed')).rejects.toMatchObject({
    code: 'InstallWhatIsMissing',
    message: expect.stringContaining('tiercel models add coderankembed') as string,
  });
  await expect(catalog.resolve('nothing')).rejects.toMatchObject({ code: 'FixTheCall' });
  await expect(catalog.resolve('instant-v2')).rejects.toMatchObject({ code: 'FixTheCall' });
  await rm(empty, { recursive: true });
});
