/** Another model is built beside the one that answers. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { methods } from '../../protocol/methods.ts';
import type { SearchResult } from '../../protocol/search.ts';
import type { SettingsInput } from '../../protocol/settings.ts';
import type { IndexResult } from '../../protocol/status.ts';
import { writeSmallModel } from '../../server/src/inference/test-model.ts';
import { Client } from '../model/client.ts';
import { createFixture, tiercel, type Fixture } from './fixture.ts';
import { packageWithOtherInstantModel } from './other-package.ts';

let fixture: Fixture;

const eventually = { timeout: 60_000, interval: 50 };
const files = 400;

const settings = (model: string): SettingsInput => ({ deep: 'on', inference: { model, provider: 'cpu' } });
const open = (model: string): Promise<Client> =>
  Client.open({ home: fixture.home, folders: [fixture.folder], tells: false, settings: settings(model) });
const ask = (client: Client): Promise<SearchResult> =>
  client.connection.sendRequest<SearchResult>(methods.search, {
    folder: fixture.folder,
    query: 'expire old sessions',
    patienceMs: 30_000,
  });
const change = (client: Client, model: string): Promise<void> =>
  client.connection.sendNotification('workspace/didChangeConfiguration', { settings: { tiercel: settings(model) } });
/** Models with vectors in the index, those of the instant lane left out. */
const spaces = async (client: Client): Promise<string[]> =>
  (await client.status(fixture.folder)).spaces
    .map(({ name }) => name.split(':')[1] ?? '')
    .filter((name) => name.startsWith('small'));
const coverage = async (client: Client) => (await ask(client)).coverage;

beforeEach(() => {
  fixture = createFixture();
  for (let i = 0; i < files; i++) {
    const text = `export function helper${String(i)}(a: number) {\n${`  a += ${String(i)};\n`.repeat(9)}  return a;\n}\n`;
    mkdirSync(join(fixture.folder, 'many'), { recursive: true });
    writeFileSync(join(fixture.folder, 'many', `f${String(i)}.ts`), text);
  }
});

afterEach(async () => {
  await fixture.dispose();
});

async function addSmallModels(): Promise<void> {
  for (const id of ['small-a', 'small-b']) {
    const folder = join(fixture.folder, '..', id);
    mkdirSync(folder);
    const added = await tiercel(fixture.env, ['models', 'add', await writeSmallModel(folder, { id })]);
    expect(added).toMatchObject({ code: 0 });
  }
}

describe('a changed model', () => {
  test('is built while the old one answers, survives a kill, and then takes over', async () => {
    await addSmallModels();
    let client = await open('small-a');
    await expect.poll(() => coverage(client), eventually).toEqual({ lexical: 1, instant: 1, deep: 1 });
    await expect.poll(async () => (await client.status(fixture.folder)).phase, eventually).toBe('ready');
    // Held, so that what is seen meanwhile does not depend on how fast the machine is.
    await client.connection.sendRequest(methods.pause, { folder: fixture.folder });
    await change(client, 'small-b');
    await expect.poll(() => coverage(client), eventually).toEqual({ lexical: 1, instant: 1, deep: 1, next: 0 });
    const { absent, hits } = await ask(client);
    expect(absent).toBeUndefined();
    expect(hits.some(({ path }) => path === 'src/session store.py')).toBe(true);
    await client.connection.sendRequest(methods.resume, { folder: fixture.folder });
    await expect.poll(async () => (await coverage(client)).next ?? 1, eventually).toBeGreaterThan(0);
    await client.killServer();
    client = await open('small-b');
    await expect.poll(() => coverage(client), eventually).toEqual({ lexical: 1, instant: 1, deep: 1 });
    const { lanes } = await client.status(fixture.folder);
    expect(lanes.find(({ lane }) => lane === 'deep')).toMatchObject({
      model: expect.stringContaining('small-b') as string,
    });
    // The old vectors go with the next opening.
    await client.killServer();
    client = await open('small-b');
    await expect.poll(async () => (await client.status(fixture.folder)).phase, eventually).toBe('ready');
    expect((await spaces(client)).every((name) => name.startsWith('small-b'))).toBe(true);
    await client.end();
  }, 180_000);

  test('that is taken back leaves no trace', async () => {
    await addSmallModels();
    const client = await open('small-b');
    await expect.poll(() => coverage(client), eventually).toEqual({ lexical: 1, instant: 1, deep: 1 });
    const size = async (): Promise<number> => (await client.status(fixture.folder)).spaces.length;
    // At once, and held: the indexer cannot say that it is done with the folder, but the vectors are complete.
    await client.connection.sendRequest(methods.pause, { folder: fixture.folder });
    await change(client, 'small-a');
    await expect.poll(size, eventually).toBe(3);
    await expect.poll(() => coverage(client), eventually).toEqual({ lexical: 1, instant: 1, deep: 1, next: 0 });
    await change(client, 'small-b');
    await expect.poll(size, eventually).toBe(2);
    await client.connection.sendRequest(methods.resume, { folder: fixture.folder });
    await expect.poll(() => coverage(client), eventually).toEqual({ lexical: 1, instant: 1, deep: 1 });
    await expect.poll(async () => (await client.status(fixture.folder)).phase, eventually).toBe('ready');
    expect((await client.status(fixture.folder)).embedded).toBe(0);
    await client.end();
  }, 180_000);
});

describe('another instant model, as a release brings it,', () => {
  const open = (): Promise<Client> => Client.open({ home: fixture.home, folders: [fixture.folder], tells: false });
  let release: string;

  beforeEach(async () => {
    release = packageWithOtherInstantModel(join(fixture.folder, '..', 'release'));
    const indexed = await tiercel(fixture.env, ['index', fixture.folder, '--json'], '', release);
    expect(JSON.parse(indexed.stdout)).toMatchObject({ coverage: { lexical: 1, instant: 1 } });
  }, 120_000);

  test('gets its vectors by `tiercel index`, without a file that changed', async () => {
    await tiercel(fixture.env, ['stop'], '', release);
    const again = JSON.parse((await tiercel(fixture.env, ['index', fixture.folder, '--json'])).stdout) as IndexResult;
    expect(again).toMatchObject({ filesChanged: 0, embedded: again.chunks, coverage: { lexical: 1, instant: 1 } });
    const client = await open();
    const { spaces } = await client.status(fixture.folder);
    expect(spaces.filter(({ name }) => name.startsWith('instant:'))).toHaveLength(1);
    await client.end();
  }, 120_000);

  test('is filled in the background: says how far it is, is held by pause and cancel, survives a kill', async () => {
    // Held, so that what is seen meanwhile does not depend on how fast the machine is.
    await tiercel(fixture.env, ['pause', fixture.folder], '', release);
    await tiercel(fixture.env, ['stop'], '', release);
    const order = (client: Client, method: string) => client.connection.sendRequest(method, { folder: fixture.folder });
    let client = await open();
    const { coverage: atFirst, hits } = await ask(client);
    expect(atFirst).toEqual({ lexical: 1, instant: 0 });
    expect(hits.some(({ path }) => path === 'src/session store.py')).toBe(true);
    await order(client, methods.cancel);
    expect(await client.status(fixture.folder)).toMatchObject({ phase: 'cancelled', coverage: { instant: 0 } });
    await order(client, methods.resume);
    await expect.poll(async () => (await coverage(client)).instant, eventually).toBeGreaterThan(0);
    await client.killServer();
    client = await open();
    await expect.poll(() => coverage(client), eventually).toEqual({ lexical: 1, instant: 1 });
    await expect.poll(async () => (await client.status(fixture.folder)).phase, eventually).toBe('ready');
    await client.end();
  }, 120_000);
});
