/** Another model is built beside the one that answers. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { methods } from '../../protocol/methods.ts';
import type { SearchResult } from '../../protocol/search.ts';
import type { SettingsInput } from '../../protocol/settings.ts';
import { writeSmallModel } from '../../server/src/inference/test-model.ts';
import { Client } from '../model/client.ts';
import { createFixture, tiercel, type Fixture } from './fixture.ts';

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

beforeAll(async () => {
  fixture = createFixture();
  for (const id of ['small-a', 'small-b']) {
    const folder = join(fixture.folder, '..', id);
    mkdirSync(folder);
    const added = await tiercel(fixture.env, ['models', 'add', await writeSmallModel(folder, { id })]);
    expect(added).toMatchObject({ code: 0 });
  }
  for (let i = 0; i < files; i++) {
    const text = `export function helper${String(i)}(a: number) {\n${`  a += ${String(i)};\n`.repeat(9)}  return a;\n}\n`;
    mkdirSync(join(fixture.folder, 'many'), { recursive: true });
    writeFileSync(join(fixture.folder, 'many', `f${String(i)}.ts`), text);
  }
}, 120_000);

afterAll(async () => {
  await fixture.dispose();
});

describe('a changed model', () => {
  test('is built while the old one answers, survives a kill, and then takes over', async () => {
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
    const client = await open('small-b');
    await expect.poll(() => coverage(client), eventually).toEqual({ lexical: 1, instant: 1, deep: 1 });
    const size = async (): Promise<number> => (await client.status(fixture.folder)).spaces.length;
    await change(client, 'small-a');
    await expect.poll(size, eventually).toBe(3);
    await expect.poll(async () => (await coverage(client)).next ?? 1, eventually).toBeGreaterThan(0);
    await change(client, 'small-b');
    await expect.poll(size, eventually).toBe(2);
    await expect.poll(() => coverage(client), eventually).toEqual({ lexical: 1, instant: 1, deep: 1 });
    expect((await client.status(fixture.folder)).embedded).toBe(0);
    await client.end();
  }, 180_000);
});
