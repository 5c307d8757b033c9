import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorCodes } from '../../../protocol/errors.ts';
import { resolveSettings } from './index.ts';
import { cacheHome, indexDirectory, logDirectory, modelsDirectory, packageRoot, runtimeDirectory } from './paths.ts';

describe('resolving settings', () => {
  it('fills in what is missing', () => {
    for (const raw of [undefined, null, {}, { exclude: null, unknown: 1 }]) {
      const { settings, problems } = resolveSettings(raw);
      expect(problems).toEqual([]);
      expect(settings).toMatchObject({ exclude: [], deep: 'auto', maxFileBytes: 1024 * 1024, logLevel: 'info' });
      expect(settings.parseProcesses).toBeGreaterThanOrEqual(1);
    }
  });

  it('keeps what is right and names what is wrong', () => {
    const { settings, problems } = resolveSettings({
      deep: 'maybe',
      maxFileBytes: 5,
      parseProcesses: 3,
      exclude: ['a/', ' '],
    });
    expect(settings).toMatchObject({ deep: 'auto', maxFileBytes: 1024 * 1024, parseProcesses: 3, exclude: ['a/'] });
    expect(problems).toHaveLength(2);
    expect(problems.join(' ')).toContain('tiercel.deep');
    expect(problems.join(' ')).toContain('tiercel.maxFileBytes');
    expect(resolveSettings([1]).problems).toHaveLength(1);
    expect(resolveSettings('x').problems).toHaveLength(1);
  });

  it('looks into groups of settings', () => {
    const { settings, problems } = resolveSettings({
      memory: { budget: 8, policy: 'lru', maxVectors: null },
      disk: 'large',
      search: { threads: 2, index: 'best' },
    });
    expect(settings).toMatchObject({
      memory: { budget: 0, policy: 'lru', maxVectors: 0 },
      disk: { budget: 0 },
      search: { threads: 2, index: 'auto', recall: 'balanced' },
    });
    expect(problems).toEqual([
      'The setting tiercel.memory.budget is ignored: it must be 0 or at least 64.',
      'The setting tiercel.disk is ignored: it must be an object.',
      expect.stringContaining('tiercel.search.index') as string,
    ]);
    for (const group of ['memory', 'disk', 'search']) expect(resolveSettings({ [group]: null }).problems).toEqual([]);
  });

  it('never throws', () => {
    const names = fc.constantFrom(
      'exclude',
      'deep',
      'maxFileBytes',
      'parseProcesses',
      'logLevel',
      'memory',
      'disk',
      'x',
    );
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.dictionary(names, fc.anything())), (raw) => {
        const { settings } = resolveSettings(raw);
        expect(settings.maxFileBytes).toBeGreaterThanOrEqual(1024);
        expect(settings.parseProcesses).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});

describe('paths', () => {
  let folder: string;
  const saved = process.env['TIERCEL_HOME'];

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'tiercel-paths-')));
    process.env['TIERCEL_HOME'] = folder;
  });

  afterEach(() => {
    if (saved === undefined) delete process.env['TIERCEL_HOME'];
    else process.env['TIERCEL_HOME'] = saved;
    rmSync(folder, { recursive: true, force: true });
  });

  it('finds the cache folder of each platform', () => {
    expect(cacheHome({ TIERCEL_HOME: folder })).toBe(folder);
    expect(cacheHome({ XDG_CACHE_HOME: '/c' }, 'linux')).toBe(join('/c', 'tiercel'));
    expect(cacheHome({ XDG_CACHE_HOME: '' }, 'linux')).toMatch(/[\\/]\.cache[\\/]tiercel$/);
    expect(cacheHome({}, 'darwin')).toMatch(/Library[\\/]Caches[\\/]tiercel$/);
    expect(cacheHome({ LOCALAPPDATA: 'L' }, 'win32')).toBe(join('L', 'tiercel'));
  });

  it('names an index after its repository, and tells namesakes apart', () => {
    const first = indexDirectory('/home/me/app/.git');
    const second = indexDirectory('/home/you/app/.git');
    expect(first).toMatch(/[\\/]indexes[\\/]app-[0-9a-f]{12}$/);
    expect(second).toMatch(/[\\/]indexes[\\/]app-[0-9a-f]{12}$/);
    expect(first).not.toBe(second);
    expect(indexDirectory('/srv/ünï cödé: x')).toMatch(/[\\/]ünï-cödé-x-[0-9a-f]{12}$/);
    expect(indexDirectory('/')).toMatch(/[\\/]root-[0-9a-f]{12}$/);
    expect(logDirectory()).toBe(join(folder, 'logs'));
  });

  it('finds the package and its models', () => {
    expect(existsSync(join(packageRoot(), 'package.json'))).toBe(true);
    expect(existsSync(modelsDirectory())).toBe(true);
  });

  it.skipIf(process.platform === 'win32')('keeps the socket in a short, private folder of its own', () => {
    const short = runtimeDirectory({ TIERCEL_HOME: folder });
    expect(statSync(short).mode & 0o777).toBe(0o700);
    const deep = join(folder, 'a'.repeat(100));
    const hashed = runtimeDirectory({ TIERCEL_HOME: deep });
    expect(Buffer.byteLength(join(hashed, 'tiercel-1-0123456789ab.sock'))).toBeLessThan(100);
    expect(runtimeDirectory({ TIERCEL_HOME: `${deep}b` })).not.toBe(hashed);
    for (const path of [hashed, runtimeDirectory({ TIERCEL_HOME: `${deep}b` })]) rmSync(path, { recursive: true });
    expect(runtimeDirectory({ XDG_RUNTIME_DIR: folder })).toBe(join(folder, 'tiercel'));
  });

  it.skipIf(process.platform === 'win32')('makes its folder private, and refuses one that is not a folder', () => {
    const run = join(folder, 'run');
    mkdirSync(run);
    chmodSync(run, 0o755);
    expect(statSync(runtimeDirectory({ TIERCEL_HOME: folder })).mode & 0o777).toBe(0o700);
    rmSync(run, { recursive: true });
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync('elsewhere', run);
    expect(() => runtimeDirectory({ TIERCEL_HOME: folder })).toThrow(
      expect.objectContaining({ code: errorCodes.fixTheMachine }) as Error,
    );
  });
});
