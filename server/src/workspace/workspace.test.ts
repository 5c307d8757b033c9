import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { errorCodes } from '../../../protocol/errors.ts';
import { repositoryIdentity } from './identity.ts';
import { TestFolder } from './test-folder.ts';
import type { FileContent, Workspace } from './types.ts';
import { openWorkspace } from './workspace.ts';

const folders: TestFolder[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove();
});

function newFolder(): TestFolder {
  const folder = new TestFolder();
  folders.push(folder);
  return folder;
}

async function open(root: string, exclude: string[] = [], maxFileBytes = 1024 * 1024): Promise<Workspace> {
  const workspace = await openWorkspace({ root, exclude, maxFileBytes });
  onTestFinished(() => workspace.close());
  return workspace;
}

async function paths(root: string, exclude: string[] = []): Promise<string[]> {
  return (await (await open(root, exclude)).list()).map(({ path }) => path);
}

describe('listing in a git work tree', () => {
  it('gives tracked and untracked files, not ignored or deleted ones', async () => {
    const folder = newFolder()
      .git('init', '-q')
      .write({ 'a.ts': '1', 'gone.ts': '1', 'forced.log': '1', '.gitignore': '*.log\n/dist/\n' })
      .git('add', '-f', '.')
      .git('commit', '-qm', 'x')
      .write({ 'new.ts': '1', 'x.log': '1', 'dist/out.js': '1' });
    rmSync(folder.path('gone.ts'));
    expect(await paths(folder.root)).toEqual(['.gitignore', 'a.ts', 'forced.log', 'new.ts']);
  });

  it('honours nested ignore files, negations, .ignore and the setting', async () => {
    const folder = newFolder().git('init', '-q').write({
      '.gitignore': '*.tmp\n!keep.tmp\ngenerated/\n',
      'keep.tmp': '',
      'drop.tmp': '',
      'sub/.gitignore': '!drop.tmp\nlocal.ts\n',
      'sub/drop.tmp': '',
      'sub/local.ts': '',
      'local.ts': '',
      'generated/a.ts': '',
      '.ignore': 'data/*\n!data/good.json\n',
      'data/big.json': '',
      'data/good.json': '',
      'sub/.ignore': 'quiet.ts\n',
      'sub/quiet.ts': '',
      'quiet.ts': '',
      'fixtures/deep/x.ts': '',
      'other/fixtures/y.ts': '',
    });
    expect(await paths(folder.root, ['/fixtures/', '*.md'])).toEqual([
      '.gitignore',
      '.ignore',
      'data/good.json',
      'keep.tmp',
      'local.ts',
      'other/fixtures/y.ts',
      'quiet.ts',
      'sub/.gitignore',
      'sub/.ignore',
      'sub/drop.tmp',
    ]);
  });

  it('lists only the opened part of a repository', async () => {
    const folder = newFolder()
      .git('init', '-q')
      .write({ '.gitignore': 'b.ts\n', 'a.ts': '', 'inner/a.ts': '', 'inner/b.ts': '', 'inner/deep/c.ts': '' });
    expect(await paths(folder.path('inner'))).toEqual(['a.ts', 'deep/c.ts']);
  });

  it('lists files of submodules and of repositories inside, with their own rules', async () => {
    const library = newFolder().git('init', '-q').write({ 'lib.ts': '1' }).git('add', '.').git('commit', '-qm', 'x');
    const folder = newFolder().git('init', '-q').git('submodule', '--quiet', 'add', library.root, 'vendor/lib');
    folder.write({
      'a.ts': '',
      'vendor/lib/untracked.ts': '',
      'vendor/lib/.gitignore': 'no.ts\n',
      'vendor/lib/no.ts': '',
    });
    folder.write({ 'nested/b.ts': '' }).gitIn('nested', 'init', '-q');
    mkdirSync(folder.path('empty-submodule'));
    expect(await paths(folder.root)).toEqual([
      '.gitmodules',
      'a.ts',
      'nested/b.ts',
      'vendor/lib/.gitignore',
      'vendor/lib/lib.ts',
      'vendor/lib/untracked.ts',
    ]);
  });

  it('walks a folder that the surrounding repository ignores', async () => {
    const folder = newFolder()
      .git('init', '-q')
      .write({ '.gitignore': '*\n', 'work/.gitignore': 'x\n', 'work/a.ts': '', 'work/x': '' });
    expect(await paths(folder.path('work'))).toEqual(['.gitignore', 'a.ts']);
  });

  it('keeps unusual names apart', async () => {
    const names = [
      '-dash.ts',
      ' leading space.ts',
      'two\nlines.ts',
      'ünïcödé 漢字 🦅.ts',
      'quote\'".ts',
      'back\\slash.ts',
    ];
    const folder = newFolder()
      .git('init', '-q')
      .write(Object.fromEntries(names.map((name) => [name, 'const a = 1;'])));
    const workspace = await open(folder.root);
    const listed = (await workspace.list()).map(({ path }) => path);
    expect(listed).toEqual([...names].sort());
    for (const name of names) expect((await workspace.read(name)).kind).toBe('text');
  });

  it('is not led astray by the environment of a git hook', async () => {
    const other = newFolder().git('init', '-q');
    const folder = newFolder().git('init', '-q').write({ 'a.ts': '' });
    process.env['GIT_DIR'] = other.path('.git');
    onTestFinished(() => {
      delete process.env['GIT_DIR'];
    });
    expect(await paths(folder.root)).toEqual(['a.ts']);
  });

  it('walks when git refuses, and says so when watching', async () => {
    const folder = newFolder().git('init', '-q').write({ 'a.ts': '', 'node_modules/x.js': '' }).git('add', '.');
    writeFileSync(folder.path('.git/index'), 'broken');
    const workspace = await open(folder.root);
    expect((await workspace.list()).map(({ path }) => path)).toEqual(['a.ts']);
    const problems: string[] = [];
    await workspace.watch({
      onChange: () => undefined,
      onRescan: () => undefined,
      onProblem: (message) => {
        problems.push(message);
      },
    });
    expect(problems.join()).toContain('git could not list');
  });

  it('stops on signal', async () => {
    const folder = newFolder().git('init', '-q').write({ 'a.ts': '' });
    const workspace = await open(folder.root);
    await expect(workspace.list(AbortSignal.abort())).rejects.toMatchObject({ code: errorCodes.cancelled });
  });
});

describe('listing without git', () => {
  it('walks with all rules, and leaves out dependencies and version control', async () => {
    const folder = newFolder().write({
      '.gitignore': 'build/\n*.o\n!keep.o\n',
      'a.c': '',
      'a.o': '',
      'keep.o': '',
      'build/x.c': '',
      'node_modules/p/index.js': '',
      '.hg/store': '',
      'sub/.gitignore': '!build/\n',
      'sub/build/y.c': '',
      'sub/build/y.o': '',
      'sub/.ignore': 'secret*\n',
      'sub/secret.c': '',
    });
    expect(await paths(folder.root, ['*.md'])).toEqual([
      '.gitignore',
      'a.c',
      'keep.o',
      'sub/.gitignore',
      'sub/.ignore',
      'sub/build/y.c',
    ]);
  });

  it('survives loops of links, and takes links to files only when they add something', async () => {
    const outside = newFolder().write({ 'secret.ts': '' });
    const folder = newFolder().write({
      '.gitignore': 'real-but-ignored.ts\n',
      'a.ts': '',
      'real-but-ignored.ts': '',
      'dir/b.ts': '',
    });
    symlinkSync('.', folder.path('loop'));
    symlinkSync('../dir', folder.path('dir/self'));
    symlinkSync('a.ts', folder.path('copy-of-a.ts'));
    symlinkSync('real-but-ignored.ts', folder.path('link1.ts'));
    symlinkSync('real-but-ignored.ts', folder.path('link2.ts'));
    symlinkSync('nowhere', folder.path('dangling.ts'));
    symlinkSync('circle2', folder.path('circle1'));
    symlinkSync('circle1', folder.path('circle2'));
    symlinkSync(outside.path('secret.ts'), folder.path('escape.ts'));
    expect(await paths(folder.root)).toEqual(['.gitignore', 'a.ts', 'dir/b.ts', 'link1.ts']);
    const workspace = await open(folder.root);
    expect(await workspace.read('escape.ts')).toMatchObject({ kind: 'skipped', reason: 'unreadable' });
  });

  it('refuses a folder that is not there', async () => {
    await expect(open(join(newFolder().root, 'no'))).rejects.toMatchObject({ code: errorCodes.fixTheCall });
  });
});

describe('identity of a repository', () => {
  it('is one for all work trees and folders inside', async () => {
    const folder = newFolder().git('init', '-q').write({ 'in/a.ts': '' }).git('add', '.').git('commit', '-qm', 'x');
    const other = newFolder();
    folder.git('worktree', 'add', '-q', other.path('tree'), '-b', 'b');
    const identity = folder.path('.git');
    expect(await repositoryIdentity(folder.root)).toBe(identity);
    expect(await repositoryIdentity(folder.path('in'))).toBe(identity);
    expect(await repositoryIdentity(other.path('tree'))).toBe(identity);
    const plain = newFolder();
    expect(await repositoryIdentity(plain.root)).toBe(plain.root);
  });
});

describe('reading', () => {
  async function readOne(name: string, content: string | Uint8Array): Promise<FileContent> {
    return (await open(newFolder().write({ [name]: content }).root)).read(name);
  }

  it('gives text with hash, language and state', async () => {
    const content = await readOne('a b/ü.ts', '\uFEFFexport const a = 1;\r\n');
    expect(content).toMatchObject({ kind: 'text', language: 'typescript', text: 'export const a = 1;\r\n' });
    if (content.kind !== 'text') return;
    expect(content.hash).toHaveLength(16);
    expect(content.entry.size).toBe(24);
  });

  it('decodes UTF-16 and Windows-1252', async () => {
    const utf16 = Buffer.from('\uFEFF// größe\nclass A {}', 'utf16le');
    expect(await readOne('a.cs', utf16)).toMatchObject({ kind: 'text', text: '// größe\nclass A {}' });
    expect(await readOne('a.cs', Buffer.from(utf16).swap16())).toMatchObject({ text: '// größe\nclass A {}' });
    const western = Buffer.from([...Buffer.from('/* Gr'), 0xfc, 0xdf, 0x65, 0x20, 0x80, ...Buffer.from(' */ int a;')]);
    expect(await readOne('a.c', western)).toMatchObject({ kind: 'text', text: '/* Grüße € */ int a;' });
  });

  it.each<[string, string, string | Uint8Array]>([
    ['binary', 'a.png', Buffer.from([0x89, 0x50, 0, 1])],
    ['binary', 'control.bin', Buffer.from('\u0001\u0002\u0003\u0004text')],
    ['not-text', 'a.txt', Buffer.from([0xd7, 0xd6, 0xb7, 0xfb, 0xb1, 0xe0, 0xc2, 0xeb])],
    ['empty', 'a.ts', ' \n\t\n'],
    ['empty', 'b.ts', ''],
    ['too-large', 'a.ts', 'x'.repeat(1024 * 1024 + 1)],
    ['minified', 'app.min.js', 'a()'],
    ['minified', 'app.js', `/*! licence */\n${'function a(){return 1};'.repeat(500)}`],
    ['generated', 'package-lock.json', '{}'],
    ['generated', 'src/__snapshots__/a.test.ts.snap', 'exports[`a`] = `1`;'],
    ['generated', 'a.go', '// Code generated by stringer; DO NOT EDIT.\npackage a'],
    ['generated', 'a.ts', '/**\n * @generated SignedSource<<1>>\n */\nexport {}'],
    [
      'generated',
      'a.py',
      '#!/usr/bin/env python\n# This file was automatically generated by x.\n# Please do not edit it.\n',
    ],
    ['generated', 'A.cs', '// <auto-generated>\n//  x\nclass A {}'],
  ])('reports %s: %s', async (reason, name, content) => {
    expect(await readOne(name, content)).toMatchObject({ kind: 'skipped', reason });
  });

  it.each([
    ['generator.ts', "const header = '// Code generated by us. DO NOT EDIT.';\nwrite(header, '@generated');\n"],
    ['notes.md', `${'A long paragraph of prose. '.repeat(500)}\n`],
    ['ansi.txt', '\u001B[31mred\u001B[0m text of a terminal\n'],
    ['doc.ts', '// The answer is generated by the model.\nexport const a = 1;\n'],
  ])('takes %s for ordinary text', async (name, content) => {
    expect((await readOne(name, content)).kind).toBe('text');
  });

  it.skipIf(process.getuid?.() === 0)('reports a file it may not read in the words of the system', async () => {
    const folder = newFolder().write({ 'a.ts': 'x' });
    chmodSync(folder.path('a.ts'), 0);
    const content = await (await open(folder.root)).read('a.ts');
    expect(content).toMatchObject({ kind: 'skipped', reason: 'unreadable' });
    expect(content.kind === 'skipped' && content.detail).toContain('EACCES');
  });

  it('knows what is gone, and what lies outside', async () => {
    const folder = newFolder().write({ 'a.ts': 'x', 'dir/b.ts': '' });
    const workspace = await open(folder.root);
    unlinkSync(folder.path('a.ts'));
    expect(await workspace.read('a.ts')).toEqual({ kind: 'gone' });
    expect(await workspace.read('dir')).toEqual({ kind: 'gone' });
    expect(await workspace.read('dir/b.ts/c')).toEqual({ kind: 'gone' });
    await expect(workspace.read('../x')).rejects.toMatchObject({ code: errorCodes.fixTheCall });
    await expect(workspace.read('/etc/passwd')).rejects.toMatchObject({ code: errorCodes.fixTheCall });
  });

  it('gives lines of any text, and none where there is none', async () => {
    const folder = newFolder().write({
      'a.ts': 'one\r\ntwo\nthree',
      'b.png': Buffer.from([0, 1]),
      'package-lock.json': '{}',
    });
    const workspace = await open(folder.root);
    expect(await workspace.lines('a.ts', 1, 2)).toEqual(['one', 'two']);
    expect(await workspace.lines('a.ts', 2, 99)).toEqual(['two', 'three']);
    expect(await workspace.lines('a.ts', 9, 10)).toEqual([]);
    expect(await workspace.lines('b.png', 1, 1)).toEqual([]);
    expect(await workspace.lines('package-lock.json', 1, 1)).toEqual(['{}']);
    expect(await workspace.lines('no.ts', 1, 1)).toEqual([]);
  });

  it('reads a renamed file under its new name', async () => {
    const folder = newFolder().write({ 'a.ts': 'const a = 1;' });
    const workspace = await open(folder.root);
    renameSync(folder.path('a.ts'), folder.path('b.ts'));
    expect((await workspace.read('a.ts')).kind).toBe('gone');
    expect((await workspace.read('b.ts')).kind).toBe('text');
  });
});
