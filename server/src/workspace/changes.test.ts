import { watch as chokidarWatch } from 'chokidar';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
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

async function watchFolder(folder: TestFolder, exclude: string[] = [], watch?: Watch) {
  const workspace = await FolderWorkspace.open({ root: folder.root, exclude, maxFileBytes: 1024 * 1024 });
  onTestFinished(() => workspace.close());
  const seen = new Recorder();
  await workspace.watch(seen, { ...(watch === undefined ? {} : { watch }) });
  return { workspace, seen };
}

const kinds = {
  'a git work tree': () => newFolder().git('init', '-q'),
  'a plain folder': () => newFolder(),
};

describe.each(Object.entries(kinds))('watching %s', (_name, make) => {
  it('reports a file that is written, created, renamed, deleted', async () => {
    const folder = make().write({ 'a.ts': '1', 'src/b.ts': '1' });
    const { seen } = await watchFolder(folder);
    folder.write({ 'a.ts': '2' });
    await seen.until(() => seen.last('a.ts') === 'changed');
    folder.write({ 'src/new file ü.ts': '1' });
    await seen.until(() => seen.last('src/new file ü.ts') === 'changed');
    renameSync(folder.path('src/b.ts'), folder.path('src/c.ts'));
    await seen.until(() => seen.last('src/b.ts') === 'removed' && seen.last('src/c.ts') === 'changed');
    rmSync(folder.path('a.ts'));
    await seen.until(() => seen.last('a.ts') === 'removed');
    expect(seen.problems).toEqual([]);
  });

  it('reports a save by rename as a change, and not the temporary file', async () => {
    const folder = make().write({ 'a.ts': '1' });
    const { seen } = await watchFolder(folder, ['*.tmp']);
    folder.write({ 'a.ts.tmp': '2' });
    renameSync(folder.path('a.ts.tmp'), folder.path('a.ts'));
    await seen.until(() => seen.last('a.ts') === 'changed');
    expect(seen.changes.every(({ path, kind }) => path === 'a.ts' && kind === 'changed')).toBe(true);
  });

  it('reports all files of a folder that is deleted, created, moved', async () => {
    const folder = make().write({ 'keep.ts': '1', 'old/a.ts': '1', 'old/deep/b.ts': '1' });
    const { seen } = await watchFolder(folder);
    rmSync(folder.path('old'), { recursive: true });
    await seen.until(() => seen.last('old/a.ts') === 'removed' && seen.last('old/deep/b.ts') === 'removed');
    folder.write({ 'fresh/x/y/c.ts': '1', 'fresh/d.ts': '1' });
    await seen.until(() => seen.last('fresh/x/y/c.ts') === 'changed' && seen.last('fresh/d.ts') === 'changed');
    renameSync(folder.path('fresh'), folder.path('moved'));
    await seen.until(() => seen.last('moved/x/y/c.ts') === 'changed' && seen.last('fresh/x/y/c.ts') === 'removed');
    folder.write({ 'moved/x/y/c.ts': '2', 'moved/x/later.ts': '1' });
    await seen.until(() => seen.last('moved/x/later.ts') === 'changed');
    expect(seen.last('keep.ts')).toBeUndefined();
  });

  it('still watches a folder that was deleted and made again at once', async () => {
    const folder = make().write({ 'gen/a.ts': '1', 'gen/b.ts': '1' });
    const { seen } = await watchFolder(folder);
    rmSync(folder.path('gen'), { recursive: true });
    folder.write({ 'gen/a.ts': '2' });
    await seen.until(() => seen.last('gen/a.ts') === 'changed' && seen.last('gen/b.ts') === 'removed');
    const reported = seen.changes.length;
    folder.write({ 'gen/a.ts': '3', 'gen/new.ts': '1' });
    await seen.until(() => seen.changes.slice(reported).some(({ path }) => path === 'gen/new.ts'));
  });

  it('passes over ignored files, and asks for a listing when the rules change', async () => {
    const folder = make().write({ '.gitignore': 'out/\n', 'a.ts': '1', 'out/x.ts': '1', 'node_modules/p/i.js': '1' });
    folder.write({ '.ignore': 'node_modules/\n' });
    const { workspace, seen } = await watchFolder(folder, ['*.md']);
    folder.write({ 'out/x.ts': '2', 'node_modules/p/i.js': '2', 'b.md': '1', 'a.ts': '2' });
    await seen.until(() => seen.last('a.ts') === 'changed');
    expect(seen.changes.map(({ path }) => path)).not.toContain('out/x.ts');
    expect(seen.changes.every(({ path }) => path === 'a.ts')).toBe(true);
    folder.write({ '.gitignore': '' });
    await seen.until(() => seen.rescans.length > 0);
    expect((await workspace.list()).map(({ path }) => path)).toContain('out/x.ts');
    folder.write({ 'out/x.ts': '3' });
    await seen.until(() => seen.last('out/x.ts') === 'changed');
    folder.write({ '.gitignore': 'out/\n' });
    await seen.until(() => seen.rescans.length > 1);
    expect((await workspace.list()).map(({ path }) => path)).not.toContain('out/x.ts');
  });

  it('ends with close', async () => {
    const folder = make().write({ 'a.ts': '1' });
    const { workspace, seen } = await watchFolder(folder);
    folder.write({ 'a.ts': '2' });
    await workspace.close();
    const reported = seen.changes.length;
    const { seen: other } = await watchFolder(folder);
    folder.write({ 'a.ts': '3' });
    await other.until(() => other.last('a.ts') === 'changed');
    expect(seen.changes).toHaveLength(reported);
  });
});

describe('watching git itself', () => {
  it('asks for a listing when a tracked set changes and when the branch changes', async () => {
    const folder = newFolder()
      .git('init', '-q')
      .write({ '.gitignore': '*.log\n', 'a.ts': '1', 'x.log': '1' })
      .git('add', '.')
      .git('commit', '-qm', 'x');
    const { workspace, seen } = await watchFolder(folder);
    folder.git('add', '-f', 'x.log');
    await seen.until(() => seen.rescans.some((reason) => reason.includes('git')));
    expect((await workspace.list()).map(({ path }) => path)).toContain('x.log');
    const before = seen.rescans.length;
    folder.git('checkout', '-qb', 'other');
    await seen.until(() => seen.rescans.length > before);
  });

  it('follows a folder that becomes a repository', async () => {
    const folder = newFolder().write({ 'a.ts': '1' });
    const { workspace, seen } = await watchFolder(folder);
    folder.git('init', '-q').write({ 'node_modules/x.js': '1' });
    await seen.until(() => seen.rescans.length > 0);
    expect((await workspace.list()).map(({ path }) => path)).toEqual(['a.ts', 'node_modules/x.js']);
  });

  it('reports changes inside submodules by their own rules', async () => {
    const library = newFolder().git('init', '-q').write({ 'lib.ts': '1', '.gitignore': 'no.ts\n' });
    library.git('add', '.').git('commit', '-qm', 'x');
    const folder = newFolder().git('init', '-q').git('submodule', '--quiet', 'add', library.root, 'lib');
    const { seen } = await watchFolder(folder);
    folder.write({ 'lib/no.ts': '1', 'lib/lib.ts': '2', 'lib/new.ts': '1' });
    await seen.until(() => seen.last('lib/lib.ts') === 'changed' && seen.last('lib/new.ts') === 'changed');
    expect(seen.last('lib/no.ts')).toBeUndefined();
  });

  it('finds its way back from a switch of branches that moves many files', async () => {
    const folder = newFolder()
      .git('init', '-q', '-b', 'one')
      .write({ 'a.ts': '1' })
      .git('add', '.')
      .git('commit', '-qm', 'x');
    folder.git('checkout', '-qb', 'two');
    for (let i = 0; i < 300; i++) folder.write({ [`dir${String(i % 10)}/file${String(i)}.ts`]: String(i) });
    folder.git('add', '.').git('commit', '-qm', 'y').git('checkout', '-q', 'one');
    const { seen } = await watchFolder(folder);
    folder.git('checkout', '-q', 'two');
    await seen.until(
      () => new Set(seen.changes.filter(({ kind }) => kind === 'changed').map(({ path }) => path)).size === 300,
    );
    folder.git('checkout', '-q', 'one');
    await seen.until(
      () => new Set(seen.changes.filter(({ kind }) => kind === 'removed').map(({ path }) => path)).size === 300,
    );
  });
});

describe('a system without watches', () => {
  it('says so and compares listings instead', async () => {
    const folder = newFolder().write({ 'a.ts': '1', 'b.ts': '1' });
    const failing: Watch = (paths, options) => {
      const watcher = chokidarWatch(paths, options);
      watcher.once('ready', () => {
        const error = Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), {
          code: 'ENOSPC',
        });
        watcher.emit('error', error);
        watcher.emit('error', error);
      });
      return watcher;
    };
    const { seen } = await watchFolder(folder, [], failing);
    await seen.until(() => seen.rescans.length > 0);
    expect(seen.problems).toHaveLength(1);
    expect(seen.problems[0]).toContain('no file watches left');
    mkdirSync(folder.path('new'));
    writeFileSync(folder.path('new/c.ts'), '1');
    rmSync(folder.path('b.ts'));
    await seen.until(() => seen.last('new/c.ts') === 'changed' && seen.last('b.ts') === 'removed', 20_000);
    expect(seen.last('a.ts')).toBeUndefined();
  }, 30_000);
});
