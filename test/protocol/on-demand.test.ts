/** The transformer where nothing is embedded ahead: only the best candidates of a search, within a time budget. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { methods } from '../../protocol/methods.ts';
import type { SearchParams, SearchResult, SimilarResult } from '../../protocol/search.ts';
import type { SettingsInput } from '../../protocol/settings.ts';
import { Client } from '../model/client.ts';
import { createFixture, tiercel, type Fixture } from './fixture.ts';

// Several polls one after the other.
vi.setConfig({ testTimeout: 120_000 });

let fixture: Fixture;

const eventually = { timeout: 60_000, interval: 50 };
const query = 'forget sessions that are too old';
const onDemand = (inference: SettingsInput['inference'] = {}): SettingsInput => ({
  deep: 'on-demand',
  inference: { onDemandBudget: 10_000, ...inference },
});

const ask = (client: Client, params: Partial<SearchParams> = {}): Promise<SearchResult> =>
  client.connection.sendRequest<SearchResult>(methods.search, { folder: fixture.folder, query, ...params });

async function open(settings: SettingsInput): Promise<Client> {
  const client = await Client.open({ home: fixture.home, folders: [fixture.folder], tells: false, settings });
  await expect.poll(async () => (await client.status(fixture.folder)).phase, eventually).toBe('ready');
  return client;
}

beforeAll(() => {
  fixture = createFixture();
  // More than a search has candidates: the lane stays incomplete.
  for (let i = 0; i < 80; i++) {
    const body = `  a += ${String(i)};\n`.repeat(9);
    fixture.write(`many/f${String(i)}.ts`, `export function helper${String(i)}(a: number) {\n${body}  return a;\n}\n`);
  }
});

afterAll(async () => {
  await fixture.dispose();
});

test('a first search does not wait for the model, the next ones embed what they need, once', async () => {
  const client = await open(onDemand());
  // Without patience: where the machine is fast, or this server was held up, the model is there within it.
  const first = await ask(client, { patienceMs: 0 });
  expect(first.absent).toEqual([{ lane: 'deep', reason: 'the model is being loaded' }]);
  expect(first.hits[0]?.path).toBe('src/session store.py');
  let answer = first;
  // Vectors that are stored meanwhile change who is among the best: a few may be new in more than one search.
  const lacks = async () => {
    answer = await ask(client, { explain: true });
    const { candidates = 0, compared = 0, embedded } = answer.onDemand ?? {};
    return { without: candidates - compared, embedded };
  };
  await expect.poll(lacks, eventually).toEqual({ without: 0, embedded: 0 });
  const { hits, onDemand: report, coverage } = answer;
  expect(report?.device).toBe('cpu');
  expect(report?.candidates).toBeGreaterThan(2);
  expect(hits[0]?.why?.some(({ signal }) => signal === 'deep')).toBe(true);
  expect(coverage.deep).toBeUndefined();
  const stored = async (): Promise<number> => {
    const { coverage: now, chunks } = await client.status(fixture.folder);
    return Math.round((now.onDemand ?? 0) * chunks);
  };
  await expect.poll(stored, eventually).toBeGreaterThanOrEqual(report?.compared ?? 0);
  const { lanes } = await client.status(fixture.folder);
  expect(lanes.find(({ lane }) => lane === 'deep')).toMatchObject({
    device: 'cpu',
    why: expect.stringContaining('Only candidates of searches') as string,
  });
  await client.killServer();
});

test('what a search had embedded is there after a restart; other searches add theirs', async () => {
  const client = await open(onDemand());
  const patient = { patienceMs: 30_000 };
  // Vectors that are there change who is among the best: a few may be new.
  const { compared = 0, embedded = 0 } = (await ask(client, patient)).onDemand ?? {};
  expect(compared - embedded).toBeGreaterThan(2);
  const place = { folder: fixture.folder, path: 'lib/größe.go', startLine: 5, ...patient };
  const similar = await client.connection.sendRequest<SimilarResult>(methods.similar, place);
  expect(similar.onDemand?.embedded).toBeGreaterThan(0);
  await client.killServer();
});

test('without time, or by the wish of a search, the lane is left alone', async () => {
  const client = await open({ ...onDemand(), deep: 'off' });
  const without = await ask(client, { patienceMs: 30_000 });
  expect(without.onDemand).toBeUndefined();
  expect(without.absent).toBeUndefined();
  const named = await ask(client, { lanes: ['lexical', 'deep'] });
  expect(named.absent).toEqual([{ lane: 'deep', reason: expect.stringContaining('off') as string }]);
  const asked = await ask(client, { patienceMs: 30_000, onDemandMs: 10_000 });
  expect(asked.onDemand?.compared).toBeGreaterThan(2);
  const none = await ask(client, { patienceMs: 30_000, onDemandMs: 0 });
  expect(none.onDemand).toBeUndefined();
  await client.killServer();
});

test('a model that is not there leaves the other lanes, with the reason', async () => {
  const client = await open(onDemand({ model: 'no-such-model' }));
  const { hits, absent } = await ask(client, { patienceMs: 30_000 });
  expect(hits[0]?.path).toBe('src/session store.py');
  expect(absent).toEqual([{ lane: 'deep', reason: expect.stringContaining('no-such-model') as string }]);
  await client.killServer();
});

test('the command line says what was compared', async () => {
  const { stdout, code } = await tiercel(fixture.env, ['search', fixture.folder, query, '--on-demand', '10000']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/\d+ of \d+ candidates compared by minilm-l6-\S+, \d+ embedded on cpu in \d+ ms\./);
  const wrong = await tiercel(fixture.env, ['search', fixture.folder, query, '--on-demand', 'soon']);
  expect(wrong).toMatchObject({ code: 2 });
});
