import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { errorCodes, isCancelled } from '../../../protocol/errors.ts';
import { chunkFile } from './chunk-file.ts';
import { packageRoot } from '../settings/paths.ts';
import { createChunker, type ChunkerOptions, type ChunkerPool } from './pool.ts';
import type { ChunkRequest } from './types.ts';

let folder = '';
let entry = '';
const pools: ChunkerPool[] = [];

/** Other test files run beside, so the deadline says nothing about speed. */
const eventually = { timeout: 10_000 };

beforeAll(async () => {
  // Below the package, so that the process finds its grammars and modules.
  const cache = join(packageRoot(), '.cache');
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, 'parse-process-'));
  entry = join(folder, 'parse.mjs');
  await build({
    stdin: {
      contents: "import { runParseProcess } from './process.ts';\nawait runParseProcess();\n",
      resolveDir: dirname(fileURLToPath(import.meta.url)),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile: entry,
  });
});

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<ChunkerOptions> = {}): ChunkerPool {
  const pool = createChunker({ processes: 1, command: { file: process.execPath, args: [entry] }, ...options });
  pools.push(pool);
  return pool;
}

function source(i: number): ChunkRequest {
  const text = Array.from(
    { length: 200 },
    (_, n) => `export function f${i}_${n}(a) {\n  return a +\n    ${n};\n}\n`,
  ).join('');
  return { path: `${i}.js`, language: 'javascript', text };
}

function onlyProcess(pool: ChunkerPool): number {
  const [id] = pool.processIds();
  if (id === undefined) throw new Error('no process is running');
  return id;
}

describe('createChunker', () => {
  it('chunks in other processes as it does in this one', async () => {
    const pool = open({ processes: 2 });
    const requests = Array.from({ length: 20 }, (_, i) => source(i));
    const results = await Promise.all(requests.map((request) => pool.chunk(request)));
    expect(results).toEqual(requests.map(chunkFile));
    expect(pool.processIds()).toHaveLength(2);
  });

  it('starts no process before there is work and ends one that has none', async () => {
    const pool = open({ idleMs: 20 });
    expect(pool.processIds()).toEqual([]);
    await pool.chunk(source(1));
    await vi.waitFor(() => {
      expect(pool.processIds()).toEqual([]);
    }, eventually);
    expect((await pool.chunk(source(2))).method).toBe('parsed');
  });

  it('loses no file when its process is killed in the middle', async () => {
    const pool = open();
    await pool.chunk(source(0));
    const results = Array.from({ length: 30 }, (_, i) => pool.chunk(source(i + 1)));
    await results[3];
    const killed = onlyProcess(pool);
    process.kill(killed, 'SIGKILL');
    const methods = (await Promise.all(results)).map(({ method }) => method);
    expect(new Set(methods)).toEqual(new Set(['parsed']));
    expect(onlyProcess(pool)).not.toBe(killed);
  });

  it('cuts a file that hangs its process by lines, remembers it and finishes the others', async () => {
    const pool = open({ timeoutMs: 1500 });
    await pool.chunk(source(0));
    process.kill(onlyProcess(pool), 'SIGSTOP');
    const [hung, ...others] = await Promise.all([1, 2, 3, 4, 5, 6].map((i) => pool.chunk(source(i))));
    expect(hung?.method).toBe('parser-failed');
    expect(hung?.detail).toMatch(/took longer than/u);
    expect(hung?.chunks[0]).toMatchObject({ kind: 'window', startLine: 1 });
    expect(others.map(({ method }) => method)).toEqual(Array(5).fill('parsed'));

    process.kill(onlyProcess(pool), 'SIGSTOP');
    expect(await pool.chunk({ ...source(1), path: 'renamed.js' })).toEqual(hung);
  });

  it('ends a parser that does not come to an end', async () => {
    const pool = open({ timeoutMs: 1500 });
    // Ruby reads this as 40,000 calls nested in each other, in quadratic time.
    const endless = { path: 'a.rb', language: 'ruby', text: 'word '.repeat(40_000) };
    const [hung, fine] = await Promise.all([pool.chunk(endless), pool.chunk(source(1))]);
    expect(hung).toMatchObject({ method: 'parser-failed', chunks: [{ kind: 'window', startLine: 1, endLine: 1 }] });
    expect(fine.method).toBe('parsed');
  }, 30_000);

  it('cuts a file that kills its process twice by lines', async () => {
    const command = { file: process.execPath, args: ['--max-old-space-size=16', entry] };
    const pool = open({ command });
    const pairs = Array.from({ length: 120_000 }, (_, i) => `"k${i}": {\n"a": 1\n}`).join(',\n');
    const [fatal, fine] = await Promise.all([
      pool.chunk({ path: 'a.json', language: 'json', text: `{${pairs}}` }),
      pool.chunk({ path: 'b.json', language: 'json', text: '{"a": 1}' }),
    ]);
    expect(fatal.method).toBe('parser-failed');
    expect(fatal.detail).toMatch(/the parse process was ended by SIG/u);
    expect(fine.method).toBe('parsed');
  }, 60_000);

  it('replaces a process that has grown too large', async () => {
    const pool = open({ maxProcessBytes: 1 });
    await pool.chunk(source(0));
    const first = onlyProcess(pool);
    expect((await pool.chunk(source(1))).method).toBe('parsed');
    await vi.waitFor(() => {
      expect(pool.processIds()).not.toContain(first);
    }, eventually);
  });

  it('rejects cancelled requests and finishes the others', async () => {
    const pool = open();
    const controller = new AbortController();
    const results = Array.from({ length: 12 }, (_, i) =>
      pool.chunk(source(i), i % 2 === 1 ? controller.signal : undefined),
    );
    controller.abort();
    const settled = await Promise.allSettled(results);
    for (const [i, result] of settled.entries()) {
      if (i % 2 === 0) expect(result.status).toBe('fulfilled');
      else expect(result.status === 'rejected' && isCancelled(result.reason)).toBe(true);
    }
  });

  it('rejects what is open when it is closed, and everything after', async () => {
    const pool = open();
    const results = Array.from({ length: 12 }, (_, i) => pool.chunk(source(i)));
    const settled = Promise.allSettled(results);
    await pool.close();
    for (const result of await settled) {
      expect(result.status === 'fulfilled' || isCancelled(result.reason)).toBe(true);
    }
    await expect(pool.chunk(source(99))).rejects.toSatisfy(isCancelled);
    expect(pool.processIds()).toEqual([]);
  });

  it('says so when processes cannot be started', async () => {
    const pool = open({ command: { file: process.execPath, args: [join(folder, 'not-there.mjs')] } });
    const failure = pool.chunk(source(0));
    await expect(failure).rejects.toMatchObject({ code: errorCodes.report });
    await expect(failure).rejects.toThrow(/cannot be started.*not-there\.mjs/su);
    const nothing = open({ command: { file: join(folder, 'no-such-program'), args: [] } });
    await expect(nothing.chunk(source(0))).rejects.toMatchObject({ code: errorCodes.report });
  });
});
