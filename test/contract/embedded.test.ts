import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireFileLock, fileLockHolder } from '../../server/src/native/index.ts';
import { openEmbeddedStore } from '../../server/src/store/embedded.ts';
import type { VectorStore } from '../../server/src/store/types.ts';
import { crc32c } from './crc32c.ts';
import { chunk, corpus, file, questions, space, tree, vectorOf, vectorsOf } from './material.ts';
import { openReferenceStore } from './reference.ts';
import { describeVectorStore } from './suite.ts';

describeVectorStore('the embedded store', openEmbeddedStore);

let directory = '';
const open = (): Promise<VectorStore> => openEmbeddedStore({ directory, spaces: [space] });

async function filled(): Promise<void> {
  const store = await open();
  const files = corpus(40, 1);
  const vectors = [vectorsOf(files.flatMap(({ chunks }) => chunks))];
  await store.commit({ tree, put: files, remove: [], vectors });
  await store.close();
}

/** Names and contents of all files below, as one digest each. */
async function contents(): Promise<Record<string, string>> {
  const entries = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const digests = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return [
      path,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ] as const;
  });
  return Object.fromEntries(await Promise.all(digests));
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tiercel-store-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('the engine and the reference', () => {
  it('agree: the same chunks and scores by text, recall by vector', async () => {
    const [engine, reference] = await Promise.all([open(), openReferenceStore({ directory, spaces: [space] })]);
    const files = corpus(1500, 2);
    const batch = { tree, put: files, remove: [], vectors: [vectorsOf(files.flatMap(({ chunks }) => chunks))] };
    expect(await engine.commit(batch)).toEqual(await reference.commit(batch));
    const queries = questions(40, 3);
    const byText = { tree, queries, k: 20 };
    const [found, expected] = await Promise.all([engine.searchText(byText), reference.searchText(byText)]);
    for (const [at, hits] of expected.entries()) {
      const scores = found[at]?.map(({ score }) => score) ?? [];
      expect(scores).toHaveLength(hits.length);
      // 32-bit sums against 64-bit ones: ranks may differ between equal scores only.
      for (const [rank, { score }] of hits.entries()) expect(scores[rank]).toBeCloseTo(score, 3);
    }
    const vectors = Float32Array.from(queries.flatMap((text) => [...vectorOf(text)]));
    const byVector = { tree, space: space.name, vectors, k: 10 };
    const [near, nearest] = await Promise.all([engine.searchVectors(byVector), reference.searchVectors(byVector)]);
    const overlap = near.flatMap((hits, at) => hits.filter(({ id }) => nearest[at]?.some((hit) => hit.id === id)));
    expect(overlap.length / (10 * queries.length)).toBeGreaterThan(0.97);
    for (const [at, hits] of nearest.entries()) {
      expect(Math.abs((near[at]?.[0]?.score ?? 0) - (hits[0]?.score ?? 0))).toBeLessThan(0.01);
    }
    await engine.close();
  });
});

describe('the embedded store on disk', () => {
  it('is open once: a second opening names the process that has it', async () => {
    const store = await open();
    await expect(open()).rejects.toMatchObject({
      code: 'RetryLater',
      message: expect.stringContaining(String(process.pid)) as string,
    });
    await store.close();
    await (await open()).close();
  });

  it('refuses the files of a newer version and touches nothing', async () => {
    await filled();
    await writeFile(join(directory, 'format'), 'tiercel store 4\n');
    const before = await contents();
    await expect(open()).rejects.toMatchObject({ code: 'UpdateTiercel' });
    expect(await contents()).toEqual(before);
  });

  it('refuses vectors of a newer version', async () => {
    await filled();
    const path = join(directory, 'vectors', '0', '1.vec');
    const header = await readFile(path);
    expect(header.readUInt32LE(8)).toBeLessThan(9);
    // A version that is not known yet, under a checksum that fits: not damage.
    header.writeUInt32LE(9, 8);
    header.writeUInt32LE(crc32c(header.subarray(0, 60)), 60);
    await writeFile(path, header);
    await expect(open()).rejects.toMatchObject({ code: 'UpdateTiercel' });
  });

  it.each(['vectors/0/1.vec', 'vectors/0/manifest', 'lexical/meta.json', 'format'])(
    'asks for a rebuild when %s is gone',
    async (name) => {
      await filled();
      await rm(join(directory, name));
      await expect(open()).rejects.toMatchObject({ code: 'RebuildIndex' });
    },
  );

  it('says what the system refuses', async () => {
    await writeFile(join(directory, 'file'), '');
    const inside = openEmbeddedStore({ directory: join(directory, 'file', 'store'), spaces: [space] });
    await expect(inside).rejects.toMatchObject({ code: 'FixTheMachine' });
  });

  it.each([1, 2])(
    'opens a store of format %i: its vectors stay, its files are to be indexed again',
    async (version) => {
      const fixture = join(import.meta.dirname, '..', 'fixtures', `store-v${String(version)}`);
      await cp(fixture, directory, { recursive: true });
      const store = await open();
      expect(await store.stats(tree)).toMatchObject({ files: 0, knownFiles: 0, chunks: 0 });
      const body = 'listen on a port';
      await store.commit({ tree, put: [file('src/server.ts', [chunk(body)])], remove: [], vectors: [] });
      const [hits] = await store.searchText({ tree, queries: ['listen'], k: 5 });
      const [near] = await store.searchVectors({ tree, space: space.name, vectors: vectorOf(body), k: 1 });
      expect(near?.[0]?.score).toBeGreaterThan(0.999);
      expect(hits?.map(({ id }) => id)).toEqual([near?.[0]?.id]);
      await store.close();
    },
  );
});

describe('a lock file', () => {
  it('has one holder, who can be named', async () => {
    await mkdir(join(directory, 'locks'));
    const path = join(directory, 'locks', 'a lock');
    expect(fileLockHolder(path)).toBeUndefined();
    const lock = acquireFileLock(path);
    expect(lock).toBeDefined();
    expect(acquireFileLock(path)).toBeUndefined();
    expect(fileLockHolder(path)).toBe(process.pid);
    lock?.release();
    lock?.release();
    const again = acquireFileLock(path);
    expect(again).toBeDefined();
    again?.release();
    expect(() => acquireFileLock(join(directory, 'no such folder', 'lock'))).toThrow(/Cannot open the lock file/);
  });
});
