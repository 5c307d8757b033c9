import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CancellationTokenSource } from 'vscode-languageserver/node';
import { methods } from '../../protocol/methods.ts';
import type { SearchHit, SearchResult, SimilarResult } from '../../protocol/search.ts';
import type { FolderStatus } from '../../protocol/status.ts';
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
    const source = new CancellationTokenSource();
    const asked = client.connection.sendRequest(
      methods.search,
      { folder: fixture.folder, query: 'register a route' },
      source.token,
    );
    source.cancel();
    await expect(asked).rejects.toMatchObject({ code: -32800 });
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
