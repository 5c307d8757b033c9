import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDeepEmbedder } from '../deep.ts';
import { openReranker } from '../rerank.ts';
import { writeSmallModel, writeSmallReranker } from '../test-model.ts';
import { bundleInferenceProcess, type BundledProcess } from '../test-process.ts';
import { validateModel } from '../validate.ts';
import { ModelCatalog, readOwnEntry, type Installed } from './catalog.ts';
import { addModel, addOwnModel, checkFiles, removeModel, type AddOptions } from './install.ts';

const builtIn = fileURLToPath(new URL('../../../../models', import.meta.url));
/** Stands for a model of the registry that is not part of the package. */
const remoteId = 'jina-v2-code';

let bundle: BundledProcess;
let folder: string;
let catalog: ModelCatalog;
let server: Server;
let mirror: string;
let asked: string[];
let served: Map<string, Buffer>;

beforeAll(async () => {
  bundle = await bundleInferenceProcess();
});

afterAll(async () => {
  await bundle.remove();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tiercel-install-'));
  catalog = new ModelCatalog(builtIn, join(folder, 'models'));
  asked = [];
  served = new Map();
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const content = served.get(request.url ?? '');
    response.writeHead(content === undefined ? 404 : 200);
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  mirror = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

function options(more: Partial<AddOptions> = {}): AddOptions {
  const { signal } = new AbortController();
  return {
    catalog,
    mirror,
    signal,
    validate: (model) => validateModel(model, bundle.command, signal),
    download: { retryMs: 1, environment: {} },
    ...more,
  };
}

async function addOwn(path: string, more: Partial<AddOptions> = {}): Promise<Installed> {
  return addOwnModel(path, await readOwnEntry(path), options(more));
}

/** The files of a registry's model on the mirror, or in a folder: a small model that gives as many dimensions. */
async function remoteFiles(): Promise<string> {
  const source = join(folder, 'source');
  await writeSmallModel(source, { dimension: 768 });
  await mkdir(join(source, 'onnx'));
  await cp(join(source, 'model.onnx'), join(source, 'onnx', 'model_quantized.onnx'));
  const base = '/jinaai/jina-embeddings-v2-base-code/resolve/main';
  served.set(`${base}/tokenizer.json`, await readFile(join(source, 'tokenizer.json')));
  served.set(`${base}/onnx/model_quantized.onnx`, await readFile(join(source, 'model.onnx')));
  return source;
}

describe('the registry', () => {
  it('knows the models of the package, which are whole, and those that can be installed', async () => {
    const models = await catalog.list();
    expect(Object.fromEntries(models.map(({ entry, origin }) => [entry.id, origin]))).toMatchObject({
      'instant-v2': 'built-in',
      'minilm-l6': 'built-in',
      coderankembed: 'available',
      [remoteId]: 'available',
      'qwen3-embedding-0.6b': 'available',
      'ms-marco-minilm-l6': 'available',
      'bge-reranker-base': 'available',
      'jina-reranker-v1-turbo': 'available',
    });
    for (const model of models.filter(({ origin }) => origin === 'built-in')) {
      expect(await checkFiles(model)).toEqual([]);
    }
    expect((await catalog.resolve('minilm-l6')).info.id).toBe('minilm-l6-q8-38fa5c05');
  });
});

describe('a model of the registry', () => {
  it('comes from a mirror; hashes nobody vouched for are recorded and binding from then on', async () => {
    await remoteFiles();
    const installed = await addModel(remoteId, options());
    expect(installed.files.map(({ trust }) => trust)).toEqual(['first-use', 'first-use']);
    expect(asked).toHaveLength(2);
    const model = await catalog.find(remoteId);
    expect(model.origin).toBe('installed');
    expect(await checkFiles(model)).toEqual([]);
    const [tokenizer, weights] = installed.files;
    expect((await catalog.resolve(remoteId)).info).toMatchObject({
      id: `${remoteId}-int8-${weights?.sha256.slice(0, 8) ?? ''}`,
      dimension: 768,
    });

    // A second time nothing is downloaded.
    await addModel(remoteId, options());
    expect(asked).toHaveLength(2);

    // A damaged file is found, and other content than the recorded is refused.
    const path = join(model.folder, tokenizer?.name ?? '');
    await writeFile(path, '{}');
    expect(await checkFiles(model)).toEqual([expect.stringContaining('another size')]);
    served.set([...served.keys()][0] ?? '', Buffer.from('{"other": 1}'));
    await expect(addModel(remoteId, options())).rejects.toMatchObject({
      code: 'InstallWhatIsMissing',
      message: expect.stringContaining(tokenizer?.sha256 ?? '') as string,
    });

    await removeModel(remoteId, catalog);
    expect((await catalog.find(remoteId)).origin).toBe('available');
    await expect(removeModel(remoteId, catalog)).rejects.toMatchObject({ code: 'FixTheCall' });
  });

  it('comes from a folder without any network', async () => {
    const from = await remoteFiles();
    const installed = await addModel(remoteId, options({ from }));
    expect(installed.from).toBe(from);
    expect(asked).toEqual([]);
    await rm(join(from, 'onnx'), { recursive: true });
    await removeModel(remoteId, catalog);
    await expect(addModel(remoteId, options({ from }))).rejects.toMatchObject({
      code: 'InstallWhatIsMissing',
      message: expect.stringContaining('model_quantized.onnx') as string,
    });
  });

  it('is not there after a download that failed, was cancelled, or gave a model that does not work', async () => {
    await remoteFiles();
    const [first = '', second = ''] = served.keys();
    const weights = served.get(second) ?? Buffer.alloc(0);
    served.delete(second);
    await expect(addModel(remoteId, options())).rejects.toMatchObject({ code: 'InstallWhatIsMissing' });
    expect((await catalog.find(remoteId)).origin).toBe('available');

    const stop = new AbortController();
    served.set(second, weights);
    const onProgress = (file: string): void => {
      if (file !== 'tokenizer.json') stop.abort();
    };
    await expect(addModel(remoteId, options({ signal: stop.signal, onProgress }))).rejects.toMatchObject({
      code: 'Cancelled',
    });
    expect((await catalog.find(remoteId)).origin).toBe('available');

    served.set(second, Buffer.from('no model'));
    await expect(addModel(remoteId, options())).rejects.toMatchObject({ code: 'InstallWhatIsMissing' });
    await expect(stat(join(catalog.userFolder, remoteId))).rejects.toThrow('ENOENT');
    expect(first).not.toBe('');
  });

  it('cannot be one of the package', async () => {
    await expect(addModel('minilm-l6', options())).rejects.toMatchObject({ code: 'FixTheCall' });
    await expect(removeModel('minilm-l6', catalog)).rejects.toMatchObject({ code: 'FixTheCall' });
    await expect(addModel('no-such-model', options())).rejects.toMatchObject({ code: 'FixTheCall' });
  });
});

describe("a user's own model", () => {
  it('is installed by its description, has a space of its own, and is embedded and reranked with', async () => {
    await addOwn(await writeSmallModel(join(folder, 'own'), { id: 'own-model' }));
    const model = await catalog.resolve('own-model');
    expect(model.info).toMatchObject({
      id: expect.stringMatching(/^own-model-fp32-[0-9a-f]{8}$/) as string,
      dimension: 32,
    });
    const { command } = bundle;
    const embedder = await openDeepEmbedder({ model, command, mode: 'on', provider: 'cpu', threads: 1 });
    const vectors = await embedder.embed(['read a file', 'read the file', 'flour and sugar'], 'passage');
    expect(vectors.length).toBe(3 * 32);
    await embedder.close();
    const reranker = openReranker({ model, command, choice: { provider: 'cpu', why: '' }, threads: 1 });
    const { scores } = await reranker.rerank('read a file', ['flour', 'a file to read'], { budgetMs: 20_000 });
    expect(scores[1]).toBeGreaterThan(scores[0] ?? Number.NaN);
    await reranker.close();
  });

  it('may be a cross-encoder', async () => {
    await addOwn(await writeSmallReranker(join(folder, 'cross')));
    const model = await catalog.resolve('small-reranker');
    const choice = { provider: 'cpu' as const, why: '' };
    const reranker = openReranker({ model, command: bundle.command, choice, threads: 1 });
    const { scores, complete } = await reranker.rerank('read', ['nothing', 'one line', 'read a line of a file'], {
      budgetMs: 20_000,
    });
    expect(complete).toBe(true);
    expect([...scores].map(Math.round)).toEqual([1, 2, 4]);
    await reranker.close();
  });

  it.each([
    ['knows nothing', { blind: true }, /failed its self-test/],
    ['has other dimensions than described', { described: { dimension: 64 } }, /32 dimensions, its description says 64/],
    ['has no such output', { described: { output: 'pooler' } }, /no output pooler; it has last_hidden_state/],
  ])('is refused when it %s', async (_name, wrong, message) => {
    const path = await writeSmallModel(join(folder, 'own'), wrong);
    await expect(addOwn(path)).rejects.toMatchObject({
      code: 'FixTheCall',
      message: expect.stringMatching(message) as string,
    });
    expect((await catalog.list()).map(({ entry }) => entry.id)).not.toContain('small');
  });

  it.each([
    ['an id is wrong', { id: '../evil' }, 'id:'],
    ['a file lies elsewhere', { tokenizer: { name: 'tokenizer.json', path: '../../secret.json' } }, 'tokenizer.path'],
    ['weights are missing', { precision: { cpu: 'int8', gpu: 'fp32' } }, 'precision names weights'],
    ['pooling is unknown', { pooling: 'sum' }, 'pooling'],
  ])('is refused when %s', async (_name, described, place) => {
    const path = await writeSmallModel(join(folder, 'own'), { described });
    await expect(addOwn(path)).rejects.toMatchObject({
      code: 'FixTheCall',
      message: expect.stringContaining(place) as string,
    });
  });

  it('cannot take the id of another model, nor be a file that is none', async () => {
    const path = await writeSmallModel(join(folder, 'own'), { id: 'minilm-l6' });
    await expect(addOwn(path)).rejects.toMatchObject({
      code: 'FixTheCall',
      message: expect.stringContaining('taken') as string,
    });
    await writeFile(path, '{');
    await expect(readOwnEntry(path)).rejects.toMatchObject({
      code: 'FixTheCall',
      message: expect.stringContaining(basename(path)) as string,
    });
  });
});
