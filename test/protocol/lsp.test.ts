import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CancellationTokenSource, WorkDoneProgress } from 'vscode-languageserver/node';
import type { ClonesResult } from '../../protocol/clones.ts';
import { methods } from '../../protocol/methods.ts';
import type { SearchHit, SearchResult, SimilarResult } from '../../protocol/search.ts';
import type { SettingsInput } from '../../protocol/settings.ts';
import type { FolderStatus, LaneStatus } from '../../protocol/status.ts';
import { createFixture, openLsp, tiercel, type Fixture, type LspClient } from './fixture.ts';

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

/**
 * Asks until the condition holds. The promise of 2 s is held to by the end-to-end test, which has the machine for itself;
 * here other test files run beside.
 */
async function soon(what: string, condition: () => Promise<boolean>, deadlineMs = 10_000): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > deadlineMs) throw new Error(`${what}: not within ${String(deadlineMs)} ms`);
  }
}

/** What a request is answered that is cancelled in the same breath: the server has read both before it can be done. */
async function cancelledAtOnce(method: string, params: object): Promise<unknown> {
  const source = new CancellationTokenSource();
  let answered: Promise<unknown> = Promise.resolve();
  await client.inOnePiece(async () => {
    answered = client.connection.sendRequest(method, params, source.token).catch((error: unknown) => error);
    source.cancel();
    // Messages are written in order: when this one is, the two before it are.
    await client.connection.sendNotification('$/setTrace', { value: 'off' });
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
    await soon('created', () => has('landOnTheMoon', 'src/moon.ts'));

    fixture.write('src/moon.ts', 'export function orbitAroundMars() {\n  return "phobos";\n}\n');
    await soon('changed', async () => (await search('orbitAroundMars'))[0]?.snippet.includes('phobos') === true);

    renameSync(join(fixture.folder, 'src/moon.ts'), join(fixture.folder, 'src/mars.ts'));
    await soon(
      'renamed',
      async () => (await has('orbitAroundMars', 'src/mars.ts')) && !(await has('orbitAroundMars', 'src/moon.ts')),
    );

    rmSync(join(fixture.folder, 'src/mars.ts'));
    await soon('deleted', async () => !(await has('orbitAroundMars', 'src/mars.ts')));
  });
});

describe('pause', () => {
  test('holds until resumed, and what changed meanwhile is indexed then', async () => {
    await client.connection.sendRequest(methods.pause, { folder: fixture.folder });
    fixture.write('src/paused.ts', 'export function writtenDuringThePause() {\n  return 1;\n}\n');
    const status = await client.connection.sendRequest<FolderStatus>(methods.status, { folder: fixture.folder });
    expect(status.phase).toBe('paused');
    await client.connection.sendRequest(methods.resume, { folder: fixture.folder });
    await soon('resumed', async () => (await search('writtenDuringThePause'))[0]?.path === 'src/paused.ts');
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
    await soon('the first', async () => (await mebibytes()) === 300);
    const second = await openLsp(fixture.env, fixture.folder, { memory: { budget: 400 } });
    await soon('the second', async () => (await mebibytes()) === 400);
    await configure(client, { memory: { budget: 300, policy: 'lru' } });
    await soon('the first again', async () => (await mebibytes()) === 300);
    await configure(second, { search: { threads: 1 }, memory: { budget: 500 } });
    await soon('the second again', async () => (await mebibytes()) === 500);
    expect((await status()).memory.policy).toBe('lru');
    await second.end();
    await soon('the first, left alone', async () => (await mebibytes()) === 300);
    await configure(client, {});
    await soon('nobody', async () => (await mebibytes()) === byMachine);
  });

  test('work that does not fit waits and tells so, searches are answered, and it goes on once it fits', async () => {
    await configure(client, { memory: { maxVectors: 1 } });
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
    await soon('indexed', async () => (await search('notYetIndexed'))[0]?.path === 'src/toomuch.ts', 20_000);
    expect((await status()).progress?.waiting).toBeUndefined();
  });
});

describe('settings of models', () => {
  const deepLane = async (): Promise<LaneStatus | undefined> => {
    const { lanes } = await client.connection.sendRequest<FolderStatus>(methods.status, { folder: fixture.folder });
    return lanes.find(({ lane }) => lane === 'deep');
  };
  const configure = (settings: SettingsInput): Promise<void> =>
    client.connection.sendNotification('workspace/didChangeConfiguration', { settings: { tiercel: settings } });

  test('a model or provider that is not there turns the deep lane off with the reason; searches go on', async () => {
    await configure({ deep: 'on', inference: { model: 'coderankembed' } });
    await soon('no model', async () => (await deepLane())?.note?.includes('tiercel models add coderankembed') === true);
    expect((await search('register a route'))[0]?.path).toBe('src/router.ts');
    await configure({ deep: 'on', inference: { provider: 'coreml' } });
    await soon('no provider', async () => (await deepLane())?.note?.startsWith('The provider coreml') === true);
    expect((await search('register a route'))[0]?.path).toBe('src/router.ts');
    await configure({});
    await soon('as before', async () => (await deepLane())?.model === 'minilm-l6-q8-38fa5c05');
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
