import { watch as chokidarWatch } from 'chokidar';
import { appendFileSync, renameSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Pace } from './reconcile.ts';
import { Recorder, TestFolder } from './test-folder.ts';
import type { Watch } from './watcher.ts';
import { FolderWorkspace } from './workspace.ts';

const folders: TestFolder[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove();
});

function newFolder(): TestFolder {
  const folder = new TestFolder();
  folders.push(folder);
  return folder;
}

/** Chokidar, of which no event is heard: what systems do when their queue overflows. */
const deaf: Watch = (paths, options) => {
  const watcher = chokidarWatch(paths, options);
  const on = watcher.on.bind(watcher);
  watcher.on = ((name: string, listener: never) => (name === 'raw' ? watcher : on(name as never, listener))) as never;
  return watcher;
};

const eager: Pace = { leastMs: 50, restShare: 1 };

async function watchDeafly(folder: TestFolder, pace: Pace = eager) {
  const workspace = await FolderWorkspace.open({ root: folder.root, exclude: [], maxFileBytes: 1024 * 1024 });
  onTestFinished(() => workspace.close());
  const seen = new Recorder();
  await workspace.watch(seen, { watch: deaf, pace });
  return { workspace, seen };
}

const kinds = {
  'a git work tree': () => newFolder().git('init', '-q'),
  'a plain folder': () => newFolder(),
};

describe.each(Object.entries(kinds))('events that never came, in %s', (_name, make) => {
  it('are made up for', async () => {
    const folder = make().write({
      '.gitignore': 'out/\n',
      'a.ts': '1',
      'src/b.ts': '1',
      'src/c.ts': '1',
      'out/x.ts': '1',
    });
    const { seen } = await watchDeafly(folder);
    folder.write({ 'a.ts': '22', 'new/deep/d.ts': '1', 'out/x.ts': '22' });
    rmSync(folder.path('src/b.ts'));
    renameSync(folder.path('src/c.ts'), folder.path('src/e.ts'));
    await seen.until(
      () =>
        seen.last('a.ts') === 'changed' &&
        seen.last('new/deep/d.ts') === 'changed' &&
        seen.last('src/b.ts') === 'removed' &&
        seen.last('src/c.ts') === 'removed' &&
        seen.last('src/e.ts') === 'changed',
    );
    expect(seen.last('out/x.ts')).toBeUndefined();
    expect(seen.reasons).toEqual(new Set(['found by comparing']));
  });
});

describe('a git work tree whose events never come', () => {
  const committed = (): TestFolder =>
    newFolder()
      .git('init', '-q', '-b', 'one')
      .write({ 'a.ts': '1', 'b.ts': '1' })
      .git('add', '.')
      .git('commit', '-qm', 'x');

  it('follows an edit that is undone, and a branch that is switched', async () => {
    const folder = committed().git('checkout', '-qb', 'two').write({ 'c.ts': '1' });
    folder.git('add', '.').git('commit', '-qm', 'y').git('checkout', '-q', 'one');
    const { seen } = await watchDeafly(folder);
    folder.write({ 'a.ts': '22' });
    await seen.until(() => seen.last('a.ts') === 'changed');
    const before = seen.changes.length;
    folder.write({ 'a.ts': '1' });
    await seen.until(() => seen.changes.slice(before).some(({ path }) => path === 'a.ts'));
    folder.git('checkout', '-q', 'two');
    await seen.until(() => seen.rescans.length > 0);
  });

  it('follows files in repositories inside, and repositories that come', async () => {
    const folder = committed();
    const inner = newFolder().git('init', '-q').write({ 'lib.ts': '1' }).git('add', '.').git('commit', '-qm', 'x');
    renameSync(inner.root, folder.path('inner'));
    const { seen, workspace } = await watchDeafly(folder);
    folder.write({ 'inner/lib.ts': '22', 'inner/new.ts': '1' });
    await seen.until(() => seen.last('inner/lib.ts') === 'changed' && seen.last('inner/new.ts') === 'changed');
    folder.gitIn('.', 'init', '-q', 'other');
    folder.write({ 'other/o.ts': '1' });
    await seen.until(() => seen.rescans.length > 0);
    expect((await workspace.list()).map(({ path }) => path)).toContain('other/o.ts');
  });

  it('follows what came by an event and went without one, all between two looks', async () => {
    const folder = committed();
    const workspace = await FolderWorkspace.open({ root: folder.root, exclude: [], maxFileBytes: 1 << 20, told: true });
    onTestFinished(() => workspace.close());
    const seen = new Recorder();
    await workspace.watch(seen, { pace: { leastMs: 60_000, restShare: 1 } });
    folder.write({ 'brief.ts': '1', 'listed.ts': '1', 'a.ts': '22' });
    workspace.tell(['brief.ts', 'a.ts'].map((path) => ({ path, renamed: true })));
    await seen.until(() => seen.last('brief.ts') === 'changed' && seen.last('a.ts') === 'changed');
    expect((await workspace.list()).map(({ path }) => path)).toContain('listed.ts');
    rmSync(folder.path('brief.ts'));
    rmSync(folder.path('listed.ts'));
    folder.write({ 'a.ts': '1' });
    const before = seen.changes.length;
    await workspace.look();
    expect(new Map(seen.changes.slice(before).map(({ path, kind }) => [path, kind]))).toEqual(
      new Map([
        ['a.ts', 'changed'],
        ['brief.ts', 'removed'],
        ['listed.ts', 'removed'],
      ]),
    );
  });

  it('is left alone while nothing happens', async () => {
    const folder = committed().write({ 'untracked.ts': '1' });
    const { workspace, seen } = await watchDeafly(folder, { leastMs: 60_000, restShare: 1 });
    await workspace.look();
    await workspace.look();
    expect([seen.changes, seen.rescans, seen.problems]).toEqual([[], [], []]);
  });
});

it('reports nothing twice that events have reported', async () => {
  const folder = newFolder().git('init', '-q').write({ 'a.ts': '1' });
  const workspace = await FolderWorkspace.open({ root: folder.root, exclude: [], maxFileBytes: 1024 * 1024 });
  onTestFinished(() => workspace.close());
  const seen = new Recorder();
  await workspace.watch(seen, { pace: { leastMs: 60_000, restShare: 1 } });
  appendFileSync(folder.path('a.ts'), '2');
  await seen.until(() => seen.last('a.ts') === 'changed');
  await workspace.look();
  expect(seen.reasons).toEqual(new Set(['changed on disk']));
});

describe('a client that tells what happens', () => {
  async function told(folder: TestFolder) {
    const workspace = await FolderWorkspace.open({
      root: folder.root,
      exclude: [],
      maxFileBytes: 1024 * 1024,
      told: true,
    });
    onTestFinished(() => workspace.close());
    const seen = new Recorder();
    const watched: string[] = [];
    const watch: Watch = (paths, options) => {
      watched.push(...paths);
      return chokidarWatch(paths, options);
    };
    await workspace.watch(seen, { watch, pace: { leastMs: 60_000, restShare: 1 } });
    return { workspace, seen, watched };
  }

  it('is believed: nothing but git is watched, folders are looked into', async () => {
    const folder = newFolder().git('init', '-q').write({ 'a.ts': '1', 'src/b.ts': '1' });
    const { workspace, seen, watched } = await told(folder);
    expect(watched.every((path) => path.startsWith(folder.path('.git')))).toBe(true);
    folder.write({ 'a.ts': '2', 'lib/deep/c.ts': '1' });
    rmSync(folder.path('src'), { recursive: true });
    workspace.tell([
      { path: 'a.ts', renamed: false },
      { path: 'lib', renamed: true },
      { path: 'src', renamed: true },
    ]);
    await seen.until(
      () =>
        seen.last('a.ts') === 'changed' &&
        seen.last('lib/deep/c.ts') === 'changed' &&
        seen.last('src/b.ts') === 'removed',
    );
  });

  it('may go: the folder is watched then, and what happened in between is found', async () => {
    const folder = newFolder().git('init', '-q').write({ 'a.ts': '1' });
    const { workspace, seen } = await told(folder);
    folder.write({ 'a.ts': '22' });
    await workspace.setTold(false);
    await seen.until(() => seen.last('a.ts') === 'changed');
    folder.write({ 'b.ts': '1' });
    await seen.until(() => seen.last('b.ts') === 'changed');
  });
});
