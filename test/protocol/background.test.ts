/** What happens behind an editor's back: unsaved texts, pauses, failures, limits of the system. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { methods } from '../../protocol/methods.ts';
import type { SearchHit, SearchResult } from '../../protocol/search.ts';
import { Client, kill, serverProcesses } from '../model/client.ts';
import { createFixture, eventually, tiercel, type Fixture } from './fixture.ts';

// Several polls one after the other.
vi.setConfig({ testTimeout: 120_000 });

let fixture: Fixture;
let client: Client;

const open = (more: Partial<Parameters<typeof Client.open>[0]> = {}): Promise<Client> =>
  Client.open({ home: fixture.home, folders: [fixture.folder], tells: false, ...more });
const full = (path: string): string => join(fixture.folder, path);
const phase = async (): Promise<string> => (await client.status(fixture.folder)).phase;
const hits = async (query: string): Promise<SearchHit[]> =>
  (await client.connection.sendRequest<SearchResult>(methods.search, { folder: fixture.folder, query })).hits;
const finds = async (word: string): Promise<boolean> =>
  (await hits(word)).some(({ snippet }) => snippet.includes(word));
const order = (method: string): Promise<unknown> => client.connection.sendRequest(method, { folder: fixture.folder });

beforeEach(async () => {
  fixture = createFixture();
  client = await open();
  await expect.poll(phase, eventually).toBe('ready');
});

afterEach(async () => {
  await client.end().catch(() => undefined);
  await fixture.dispose();
});

describe('a text that is not saved', () => {
  const text = 'export function polishTelescope(): string {\n  return "polishTelescope";\n}\n';

  test('is searched as it stands in the editor, until it is closed', async () => {
    await client.didOpen(full('src/router.ts'), 'export const before = 1;\n', 1);
    await client.didChange(full('src/router.ts'), text, 2);
    const place = { path: 'src/router.ts', startLine: 1, endLine: 3, symbol: 'polishTelescope' };
    await expect.poll(() => hits('polishTelescope'), eventually).toContainEqual(expect.objectContaining(place));
    // The text on the disk is not found meanwhile: it is not what stands there.
    expect((await hits('register a route')).map(({ symbol }) => symbol)).not.toContain('Router');
    await client.didClose(full('src/router.ts'));
    await expect.poll(() => finds('polishTelescope'), eventually).toBe(false);
    await expect.poll(async () => (await hits('register a route'))[0]?.symbol, eventually).toBe('Router');
  });

  test('goes with the window that holds it', async () => {
    const other = await open();
    await other.didOpen(full('src/router.ts'), text, 1);
    await expect.poll(() => finds('polishTelescope'), eventually).toBe(true);
    await other.end();
    await expect.poll(() => finds('polishTelescope'), eventually).toBe(false);
  });

  test('of a file that is ignored is not indexed', async () => {
    await client.didOpen(full('build/ignored.ts'), text, 1);
    await client.didOpen(full('README.md'), '# Polished lenses\n', 1);
    await expect.poll(() => finds('Polished lenses'), eventually).toBe(true);
    expect(await finds('polishTelescope')).toBe(false);
  });

  test('costs no embedding of the chunks that stay, nor does saving it', async () => {
    const path = full('src/router.ts');
    const { embedded } = await client.status(fixture.folder);
    const more = async (): Promise<number> => (await client.status(fixture.folder)).embedded - embedded;
    const disk = readFileSync(path, 'utf8');
    await client.didOpen(path, disk, 1);
    await client.didChange(path, `${disk}\n/** New. */\n${text}`, 2);
    await expect.poll(() => finds('polishTelescope'), eventually).toBe(true);
    expect(await more()).toBe(1);
    writeFileSync(path, `${disk}\n/** New. */\n${text}`);
    await client.didSave(path);
    const saved = async (): Promise<boolean> =>
      (await client.files(fixture.folder)).some((file) => file.path === 'src/router.ts' && file.mtimeMs > 0);
    await expect.poll(saved, eventually).toBe(true);
    expect(await more()).toBe(1);
  });
});

describe('a person who says stop', () => {
  test('is heeded by the next server too: paused is paused until it is resumed', async () => {
    await order(methods.pause);
    await client.killServer();
    fixture.write('src/later.ts', 'export const laterThanPause = 1;\n');
    client = await open();
    await expect.poll(phase, eventually).toBe('paused');
    expect((await client.files(fixture.folder)).map(({ path }) => path)).not.toContain('src/later.ts');
    await expect.poll(async () => (await client.status(fixture.folder)).coverage.pendingFiles, eventually).toBe(1);
    expect((await client.status(fixture.folder)).coverage.lexical).toBeLessThan(1);
    await order(methods.resume);
    await expect.poll(() => finds('laterThanPause'), eventually).toBe(true);
    await client.killServer();
    client = await open();
    await expect.poll(phase, eventually).toBe('ready');
    expect((await client.status(fixture.folder)).coverage).toEqual({ lexical: 1, instant: 1 });
  });

  test('cancelled work stays undone, what is indexed is followed, and resuming finishes it', async () => {
    await order(methods.cancel);
    await expect.poll(phase, eventually).toBe('cancelled');
    await client.killServer();
    fixture.write('src/new.ts', 'export const neverIndexedBefore = 1;\n');
    fixture.write('README.md', '# Changed while nobody looked\n');
    client = await open();
    await expect.poll(() => finds('Changed while nobody looked'), eventually).toBe(true);
    await expect.poll(phase, eventually).toBe('cancelled');
    expect(await finds('neverIndexedBefore')).toBe(false);
    const { coverage } = await client.status(fixture.folder);
    expect(coverage.pendingFiles).toBe(1);
    expect(coverage.lexical).toBeLessThan(1);
    await order(methods.resume);
    await expect.poll(() => finds('neverIndexedBefore'), eventually).toBe(true);
    await expect.poll(phase, eventually).toBe('ready');
    expect((await client.status(fixture.folder)).coverage).toEqual({ lexical: 1, instant: 1 });
  });

  test('by the command line, as well', async () => {
    expect((await tiercel(fixture.env, ['pause', fixture.folder])).code).toBe(0);
    expect(await phase()).toBe('paused');
    expect((await tiercel(fixture.env, ['resume', fixture.folder])).code).toBe(0);
    await expect.poll(phase, eventually).toBe('ready');
    expect((await tiercel(fixture.env, ['cancel', fixture.folder])).code).toBe(0);
    expect(await phase()).toBe('cancelled');
    const { stdout } = await tiercel(fixture.env, ['index', fixture.folder, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ coverage: { lexical: 1, instant: 1 } });
    expect(await phase()).toBe('ready');
  });
});

/** A grammar is loaded with the first file of its language. */
function hasGrammar(pid: number, language: string): boolean {
  try {
    return readFileSync(`/proc/${String(pid)}/maps`, 'utf8').includes(`/dist/grammars/${language}.node\n`);
  } catch {
    // It ended meanwhile.
    return false;
  }
}

test('a file whose parser dies is listed with the reason, and retried on request', async () => {
  // Large enough to be met while it is parsed.
  const many = Array.from(
    { length: 16_000 },
    (_, i) => `export const f${String(i)} = (a) => { if (a) { return [a]; } };`,
  );
  const wanted = async () => (await client.status(fixture.folder)).notes;
  // Not before they are at the file, the only one in JavaScript: that a process cannot even start is no file's fault.
  const killing = setInterval(() => {
    for (const pid of serverProcesses(fixture.home, 'parse')) if (hasGrammar(pid, 'javascript')) kill(pid);
  }, 20);
  try {
    fixture.write('src/large.js', many.join('\n'));
    await expect.poll(async () => (await wanted()).counts['parser-failed'], { timeout: 60_000 }).toBe(1);
  } finally {
    clearInterval(killing);
  }
  const note = (await wanted()).examples.find(({ path }) => path === 'src/large.js');
  expect(note).toMatchObject({ reason: 'parser-failed', searchable: true });
  expect(note?.detail).toMatch(/parse process .*SIGKILL/);
  const listed = await tiercel(fixture.env, ['files', fixture.folder, '--failed']);
  expect(listed.stdout).toMatch(/^src\/large\.js {2}parser-failed, /m);
  await client.killServer();
  client = await open();
  await expect.poll(phase, eventually).toBe('ready');
  expect((await wanted()).examples.find(({ path }) => path === 'src/large.js')?.detail).toMatch(/SIGKILL/);
  expect((await tiercel(fixture.env, ['retry', fixture.folder])).stdout).toContain('1 files are tried again');
  await expect.poll(async () => (await wanted()).counts['parser-failed'], { timeout: 60_000 }).toBeUndefined();
}, 180_000);

const canLimit = spawnSync('unshare', ['-Ur', 'sh', '-c', 'echo 9 > /proc/sys/user/max_inotify_watches']).status === 0;

test.skipIf(!canLimit)(
  'a system that has no watches left is said so, and the folder is compared instead',
  async () => {
    await client.end();
    await tiercel(fixture.env, ['stop']);
    for (let i = 0; i < 40; i++) fixture.write(`many/d${String(i)}/a.ts`, `export const number${String(i)} = 1;\n`);
    const prefix = ['unshare', '-Ur', 'sh', '-c', 'echo 9 > /proc/sys/user/max_inotify_watches && exec "$@"', 'sh'];
    client = await open({ prefix });
    await expect.poll(phase, eventually).toBe('ready');
    await expect
      .poll(async () => (await client.status(fixture.folder)).error ?? '', eventually)
      .toMatch(/no file watches left .*ENOSPC.*compares the folder/);
    fixture.write('many/d39/a.ts', 'export const noticedWithoutWatches = 1;\n');
    await expect.poll(() => finds('noticedWithoutWatches'), { timeout: 30_000 }).toBe(true);
    rmSync(full('many/d39'), { recursive: true });
    await expect.poll(() => finds('noticedWithoutWatches'), { timeout: 30_000 }).toBe(false);
  },
  120_000,
);

test('a file that was changed just now says so in its ranking, and others do not', async () => {
  const recentShareOf = async (symbol: string): Promise<number> => {
    const params = { folder: fixture.folder, query: 'handler of a request', explain: true };
    const { hits: found } = await client.connection.sendRequest<SearchResult>(methods.search, params);
    const hit = found.find((one) => one.symbol.includes(symbol));
    return hit?.why?.find(({ signal }) => signal === 'recent')?.share ?? 0;
  };
  expect(await recentShareOf('Router')).toBe(0);
  const path = full('src/router.ts');
  writeFileSync(path, `${readFileSync(path, 'utf8')}\nexport const changedJustNow = 1;\n`);
  await client.didSave(path);
  await expect.poll(() => recentShareOf('Router'), eventually).toBeGreaterThan(0);
  expect(await recentShareOf('SessionStore')).toBe(0);
});

test('the load is that of the settings while their client is there', async () => {
  const load = async () => (await client.status(fixture.folder)).background;
  expect(await load()).toMatchObject({ load: expect.stringMatching(/normal|low/) as string });
  const other = await open({ settings: { background: { load: 'full' } } });
  await expect.poll(load, eventually).toEqual({ load: 'full', why: 'by tiercel.background.load' });
  await other.end();
  await expect.poll(async () => (await load()).why, eventually).not.toContain('tiercel.background.load');
});

test('folders may come and go while they are indexed', async () => {
  const folder = join(fixture.folder, '..', 'second');
  mkdirSync(folder);
  for (let i = 0; i < 300; i++)
    writeFileSync(join(folder, `f${String(i)}.ts`), `export const second${String(i)} = 1;\n`);
  for (let round = 0; round < 4; round++) {
    await client.changeFolders([folder], []);
    await client.changeFolders([], [folder]);
  }
  await client.changeFolders([folder], []);
  const status = () => client.status(folder);
  await expect.poll(async () => (await status()).phase, eventually).toBe('ready');
  expect((await status()).files).toBe(300);
  expect(await finds('register')).toBe(true);
});
