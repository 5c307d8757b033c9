import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CancellationTokenSource, WorkDoneProgress } from 'vscode-languageserver/node';
import type { ClonesResult } from '../../protocol/clones.ts';
import { methods } from '../../protocol/methods.ts';
import type { SearchHit, SearchResult, SimilarResult } from '../../protocol/search.ts';
import type { SettingsInput } from '../../protocol/settings.ts';
import type { FolderStatus, LaneStatus } from '../../protocol/status.ts';
import { createFixture, eventually, openLsp, tiercel, type Fixture, type LspClient } from './fixture.ts';

// Several polls one after the other.
vi.setConfig({ testTimeout: 120_000 });

let fixture: Fixture;
let client: LspClient;

beforeAll(async () => {
  fixture = createFixture();
  client = await openLsp(fixture.env, fixture.folder);
  await client.progress(({ phase, chunks }) => phase === 'ready' && chunks > 0);
});
afterAll(async () => {
  await fixture.dispose();
});

async function search(query: string): Promise<SearchHit[]> {
  const result = await client.connection.sendRequest<SearchResult>(methods.search, { folder: fixture.folder, query });
  return result.hits;
}

/** What a request is answered that is cancelled in the same breath: the server has read both before it can be done. */
async function cancelledAtOnce(method: string, params: object): Promise<unknown> {
  const source = new CancellationTokenSource();
  let answered: Promise<unknown> = Promise.resolve();
  await client.inOnePiece(() => {
    answered = client.connection.sendRequest(method, params, source.token).catch((error: unknown) => error);
    source.cancel();
  });
  return answered;
}

describe('a client with a workspace folder', () => {
  test('is indexed by itself and answers', async () => {
    expect((await search('register a route'))[0]).toMatchObject({ path: 'src/router.ts', language: 'typescript' });
  });

  test('the executeCommand twins answer the same', async () => {
    const params = { folder: fixture.folder, query: 'expire sessions' };
    const direct = await client.connection.sendRequest<SearchResult>(methods.search, params);
    const twin = await client.connection.sendRequest<SearchResult>('workspace/executeCommand', {
      command: methods.search,
      arguments: [params],
    });
    expect(twin.hits).toEqual(direct.hits);
    const status = await client.connection.sendRequest<FolderStatus>('workspace/executeCommand', {
      command: methods.status,
      arguments: [{ folder: fixture.folder }],
    });
    expect(status.phase).toBe('ready');
  });

  test('similar takes the text of a selection', async () => {
    const result = await client.connection.sendRequest<SimilarResult>(methods.similar, {
      folder: fixture.folder,
      path: join(fixture.folder, 'README.md'),
      startLine: 1,
      endLine: 1,
      text: 'for token in sessions: if now - created > lifetime: delete the session',
    });
    expect(result.hits[0]?.path).toBe('src/session store.py');
  });

  test('wrong parameters are answered with FixTheCall and the reason', async () => {
    const asked = client.connection.sendRequest(methods.search, { folder: fixture.folder, query: 'x', limit: 0 });
    await expect(asked).rejects.toMatchObject({ data: { code: 'FixTheCall' } });
  });

  test('a cancelled request is answered as cancelled', async () => {
    const params = { folder: fixture.folder, query: 'register a route' };
    expect(await cancelledAtOnce(methods.search, params)).toMatchObject({ code: -32800 });
  });
});

describe('clones', () => {
  test('are found with progress, and can be cancelled', async () => {
    const copied = fixture.read('src/session store.py').replaceAll('session', 'visit').replaceAll('token', 'ticket');
    fixture.write('src/visits.py', copied);
    await client.connection.sendRequest(methods.index, { folder: fixture.folder });
    const percentages: number[] = [];
    client.connection.onProgress(WorkDoneProgress.type, 'clones-1', (progress) => {
      if (progress.kind === 'report') percentages.push(progress.percentage ?? 0);
    });
    const params = { folder: fixture.folder, workDoneToken: 'clones-1' };
    const { groups } = await client.connection.sendRequest<ClonesResult>(methods.clones, params);
    expect(groups.length).toBeGreaterThan(0);
    for (const { kind, places } of groups) {
      expect(kind).toBe('renamed');
      expect(places.map(({ path }) => path)).toEqual(['src/session store.py', 'src/visits.py']);
    }
    expect(percentages.at(-1)).toBe(100);
    expect(await cancelledAtOnce(methods.clones, { folder: fixture.folder })).toMatchObject({ code: -32800 });
    const wrong = client.connection.sendRequest(methods.clones, { folder: fixture.folder, similarity: 0.1 });
    await expect(wrong).rejects.toMatchObject({ data: { code: 'FixTheCall' } });
    rmSync(join(fixture.folder, 'src/visits.py'));
    await client.connection.sendRequest(methods.index, { folder: fixture.folder });
  });
});

describe('changes on disk are followed', () => {
  test('created, changed, renamed, deleted', async () => {
    const has = async (query: string, path: string): Promise<boolean> =>
      (await search(query)).some((hit) => hit.path === path);

    fixture.write('src/moon.ts', 'export function landOnTheMoon() {\n  return "tranquility";\n}\n');
    await expect.poll(() => has('landOnTheMoon', 'src/moon.ts'), eventually).toBe(true);

    fixture.write('src/moon.ts', 'export function orbitAroundMars() {\n  return "phobos";\n}\n');
    await expect.poll(async () => (await search('orbitAroundMars'))[0]?.snippet ?? '', eventually).toContain('phobos');

    renameSync(join(fixture.folder, 'src/moon.ts'), join(fixture.folder, 'src/mars.ts'));
    await expect.poll(() => has('orbitAroundMars', 'src/mars.ts'), eventually).toBe(true);
    await expect.poll(() => has('orbitAroundMars', 'src/moon.ts'), eventually).toBe(false);

    rmSync(join(fixture.folder, 'src/mars.ts'));
    await expect.poll(() => has('orbitAroundMars', 'src/mars.ts'), eventually).toBe(false);
  });
});

describe('pause', () => {
  test('holds until resumed, and what changed meanwhile is indexed then', async () => {
    await client.connection.sendRequest(methods.pause, { folder: fixture.folder });
    fixture.write('src/paused.ts', 'export function writtenDuringThePause() {\n  return 1;\n}\n');
    const status = await client.connection.sendRequest<FolderStatus>(methods.status, { folder: fixture.folder });
    expect(status.phase).toBe('paused');
    await client.connection.sendRequest(methods.resume, { folder: fixture.folder });
    await expect.poll(async () => (await search('writtenDuringThePause'))[0]?.path, eventually).toBe('src/paused.ts');
  });
});

describe('settings of the engine', () => {
  const status = (): Promise<FolderStatus> =>
    client.connection.sendRequest<FolderStatus>(methods.status, { folder: fixture.folder });
  const configure = (from: LspClient, settings: SettingsInput): Promise<void> =>
    from.connection.sendNotification('workspace/didChangeConfiguration', { settings: { tiercel: settings } });
  const mebibytes = async (): Promise<number> => (await status()).memory.budget / 1024 ** 2;

  test('the latest client that set a value counts, for as long as it is connected', async () => {
    const byMachine = await mebibytes();
    await configure(client, { memory: { budget: 300 } });
    await expect.poll(mebibytes, eventually).toBe(300);
    const second = await openLsp(fixture.env, fixture.folder, { memory: { budget: 400 } });
    await expect.poll(mebibytes, eventually).toBe(400);
    await configure(client, { memory: { budget: 300, policy: 'lru' } });
    await expect.poll(mebibytes, eventually).toBe(300);
    await configure(second, { search: { threads: 1 }, memory: { budget: 500 } });
    await expect.poll(mebibytes, eventually).toBe(500);
    expect((await status()).memory.policy).toBe('lru');
    await second.end();
    // The first is left alone.
    await expect.poll(mebibytes, eventually).toBe(300);
    await configure(client, {});
    await expect.poll(mebibytes, eventually).toBe(byMachine);
  });

  test('work that does not fit waits and tells so, searches are answered, and it goes on once it fits', async () => {
    await configure(client, { memory: { maxVectors: 1 } });
    // A connection is served in order: the settings hold once what was asked behind them is answered.
    await status();
    fixture.write('src/toomuch.ts', 'export function notYetIndexed() {\n  return "until there is room";\n}\n');
    const { waiting, phase } = await client.progress((progress) => progress.waiting !== undefined);
    expect(waiting).toMatch(/^waiting for memory: /);
    expect(phase).toBe('indexing');
    expect((await search('register a route'))[0]?.path).toBe('src/router.ts');
    const waitingStatus = await status();
    expect(waitingStatus.progress?.waiting).toBe(waiting);
    expect(waitingStatus.memory).toMatchObject({ level: 'refuse-writes', cause: 'vectors' });
    const asked = client.connection.sendRequest(methods.index, { folder: fixture.folder, patienceMs: 0 });
    await expect(asked).rejects.toMatchObject({
      data: { code: 'MemoryPressure', retryAfterMs: expect.any(Number) as number },
    });
    await configure(client, {});
    await expect.poll(async () => (await search('notYetIndexed'))[0]?.path, eventually).toBe('src/toomuch.ts');
    expect((await status()).progress?.waiting).toBeUndefined();
  });
});

describe('settings of models', () => {
  const deepLane = async (): Promise<Partial<LaneStatus>> => {
    const { lanes } = await client.connection.sendRequest<FolderStatus>(methods.status, { folder: fixture.folder });
    return lanes.find(({ lane }) => lane === 'deep') ?? {};
  };
  const configure = (settings: SettingsInput): Promise<void> =>
    client.connection.sendNotification('workspace/didChangeConfiguration', { settings: { tiercel: settings } });

  test('a model or provider that is not there turns the deep lane off with the reason; searches go on', async () => {
    await configure({ deep: 'on', inference: { model: 'coderankembed' } });
    const missing = 'tiercel models add coderankembed';
    await expect.poll(async () => (await deepLane()).note ?? '', eventually).toContain(missing);
    expect((await search('register a route'))[0]?.path).toBe('src/router.ts');
    await configure({ deep: 'on', inference: { provider: 'coreml' } });
    await expect.poll(async () => (await deepLane()).note ?? '', eventually).toMatch(/^The provider coreml/);
    expect((await search('register a route'))[0]?.path).toBe('src/router.ts');
    await configure({});
    await expect.poll(async () => (await deepLane()).model, eventually).toBe('minilm-l6-q8-38fa5c05');
  });
});

describe('several clients', () => {
  test('share one server: a second window and the command line see the same index at once', async () => {
    const second = await openLsp(fixture.env, fixture.folder);
    const result = await second.connection.sendRequest<SearchResult>(methods.search, {
      folder: fixture.folder,
      query: 'register a route',
    });
    expect(result.hits).toEqual(await search('register a route'));
    const { code, stdout } = await tiercel(fixture.env, ['search', fixture.folder, 'register a route', '--json']);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as SearchResult).hits).toEqual(result.hits);
    // One window closing does not end the server of the other.
    expect(await second.end()).toBe(0);
    expect((await search('register a route')).length).toBeGreaterThan(0);
  });
});
