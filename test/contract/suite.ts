/** What every implementation of the store must do, whatever lies below it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  CommitBatch,
  FileRecord,
  Filter,
  Hit,
  OpenOptions,
  SpaceSpec,
  VectorStore,
} from '../../server/src/store/types.ts';
import {
  chunk,
  corpus,
  file,
  generator,
  joined,
  keyOf,
  questions,
  space,
  tree,
  vectorOf,
  vectorsOf,
} from './material.ts';

export type StoreFactory = (options: OpenOptions) => Promise<VectorStore>;

const all = 1_000_000;

/** Runs the whole contract against stores that `open` gives. */
export function describeVectorStore(name: string, open: StoreFactory): void {
  describe(name, () => {
    let directory = '';
    let store: VectorStore;

    async function reopen(spaces: SpaceSpec[] = [space]): Promise<void> {
      await store.close();
      store = await open({ directory, spaces });
    }

    function commit(batch: Partial<CommitBatch>) {
      return store.commit({ tree, put: [], remove: [], vectors: [], ...batch });
    }

    /** Commits files together with the vectors of their chunks. */
    function put(...files: FileRecord[]) {
      return commit({ put: files, vectors: [vectorsOf(files.flatMap(({ chunks }) => chunks))] });
    }

    async function byText(query: string, k = all, filter?: Filter): Promise<Hit[]> {
      const asked = { tree, queries: [query], k };
      return (await store.searchText(filter === undefined ? asked : { ...asked, filter }))[0] ?? [];
    }

    async function byVector(vector: Float32Array, k = all, filter?: Filter): Promise<Hit[]> {
      const asked = { tree, space: space.name, vectors: vector, k };
      return (await store.searchVectors(filter === undefined ? asked : { ...asked, filter }))[0] ?? [];
    }

    async function pathsOf(hits: Hit[]): Promise<string[]> {
      return (await store.chunks({ ids: Float64Array.from(hits, ({ id }) => id) })).map(({ path }) => path);
    }

    const fixTheCall = { name: 'TiercelError', code: 'FixTheCall' };
    const idsOf = (hits: Hit[]): number[] => hits.map(({ id }) => id);

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'tiercel-contract-'));
      store = await open({ directory, spaces: [space] });
    });

    afterEach(async () => {
      await store.close();
      await rm(directory, { recursive: true });
    });

    it('knows nothing at first', async () => {
      expect(await byText('anything')).toEqual([]);
      expect(await byVector(vectorOf('anything'))).toEqual([]);
      expect(await byVector(vectorOf('anything'), 0)).toEqual([]);
      expect(await byVector(vectorOf('anything'), 9, { ids: Float64Array.of(1) })).toEqual([]);
      await expect(byVector(new Float32Array(space.dimension))).rejects.toMatchObject(fixTheCall);
      expect(await store.chunks({ ids: Float64Array.of(1, 2) })).toEqual([]);
      expect(await store.chunks({ tree, path: 'a.ts' })).toEqual([]);
      expect(await store.files(tree, 10)).toEqual({ files: [] });
      expect(await store.missing({ space: space.name, tree, limit: 10 })).toEqual({
        keys: new Uint8Array(),
        paths: [],
      });
      expect(await store.stats(tree)).toMatchObject({ generation: 0, files: 0, knownFiles: 0, chunks: 0 });
    });

    it('finds a committed chunk by text and by vector, and gives all of it back', async () => {
      const only = chunk('listen on a port', {
        startLine: 7,
        endLine: 19,
        symbol: 'HttpServer.listen',
        doc: 'Starts it.',
      });
      expect(await put(file('src/server.ts', [only]))).toEqual({ generation: 1, files: 1, chunks: 1 });
      const [hit] = await byVector(vectorOf(only.body));
      expect(hit?.score).toBeGreaterThan(0.999);
      for (const query of ['port', 'http', 'HttpServer', 'httpserver', 'starts', 'server.ts', 'PORT listen']) {
        expect(idsOf(await byText(query)), query).toEqual([hit?.id]);
      }
      const { key, payload } = only;
      const info = {
        id: hit?.id,
        path: 'src/server.ts',
        language: 'typescript',
        startLine: 7,
        endLine: 19,
        key,
        payload,
      };
      expect(await store.chunks({ ids: Float64Array.of(hit?.id ?? 0) })).toEqual([info]);
      expect(await store.chunks({ tree, path: 'src/server.ts' })).toEqual([info]);
    });

    it('gives chunks in the order asked, and those of a file by line', async () => {
      const lines = [30, 10, 20].map((startLine) =>
        chunk(`at ${String(startLine)}`, { startLine, endLine: startLine }),
      );
      await put(file('a.ts', lines));
      const ofFile = await store.chunks({ tree, path: 'a.ts' });
      expect(ofFile.map(({ startLine }) => startLine)).toEqual([10, 20, 30]);
      const asked = [ofFile[2]?.id ?? 0, 999_999, ofFile[0]?.id ?? 0, ofFile[1]?.id ?? 0, -1, 0.5];
      const given = await store.chunks({ ids: Float64Array.from(asked) });
      expect(given.map(({ startLine }) => startLine)).toEqual([30, 10, 20]);
    });

    it('replaces a file: old chunks are gone, ids are new, vectors of unchanged keys stay', async () => {
      const steady = chunk('steady words');
      await put(file('a.ts', [steady, chunk('former words')]), file('b.ts', [chunk('other words')]));
      const before = await byVector(vectorOf(steady.body));
      await commit({ put: [file('a.ts', [steady, chunk('latter words')])] });
      expect(await byText('former')).toEqual([]);
      expect(await byText('latter')).toHaveLength(1);
      expect(await byText('words')).toHaveLength(3);
      const after = await byVector(vectorOf(steady.body));
      expect(after).toHaveLength(2);
      expect(idsOf(before)).not.toContain(after[0]?.id);
      expect(await store.chunks({ ids: Float64Array.of(before[0]?.id ?? 0) })).toEqual([]);
      expect(await store.missing({ space: space.name, tree, limit: 10 })).toMatchObject({ paths: ['a.ts'] });
      expect((await store.stats(tree)).spaces[0]).toMatchObject({ vectors: 3, covered: 2 });
    });

    it('removes files; unknown ones are ignored', async () => {
      await put(file('a.ts', [chunk('one')]), file('b.ts', [chunk('two')]));
      expect(await commit({ remove: ['a.ts', 'never.ts'] })).toEqual({ generation: 2, files: 1, chunks: 1 });
      expect(await byText('one')).toEqual([]);
      expect(await byVector(vectorOf('one'))).toHaveLength(1);
      expect(await store.chunks({ tree, path: 'a.ts' })).toEqual([]);
      expect((await store.files(tree, 10)).files.map(({ path }) => path)).toEqual(['b.ts']);
      expect(await commit({ remove: ['a.ts'] })).toEqual({ generation: 2, files: 1, chunks: 1 });
    });

    it('keeps what it was told of files that have no chunks', async () => {
      await commit({
        put: [
          file('logo.png', [], { outcome: 'binary', language: 'plaintext', contentHash: new Uint8Array(16) }),
          file('big.json', [], { outcome: 'too-large', language: 'json' }),
          file('bad.ts', [chunk('cut by lines')], { outcome: 'parser-failed' }),
          file('a.ts', [chunk('fine')]),
          file('empty.ts', []),
        ],
      });
      const stats = await store.stats(tree);
      expect(stats).toMatchObject({ files: 2, knownFiles: 5, chunks: 2, languages: { typescript: 2 } });
      expect(stats.outcomes).toEqual({ binary: 1, 'too-large': 1, 'parser-failed': 1 });
      const { files } = await store.files(tree, 10);
      expect(files.find(({ path }) => path === 'logo.png')).toEqual({
        path: 'logo.png',
        language: 'plaintext',
        size: 100,
        mtimeMs: 1_700_000_000_123.5,
        contentHash: new Uint8Array(16),
        outcome: 'binary',
        chunkCount: 0,
      });
    });

    it('pages through files in path order, whatever their names', async () => {
      const paths = [
        'ünï/çode.ts',
        'a b/c d.ts',
        'a.ts',
        'a/z.ts',
        'b.ts',
        '.hidden',
        '日本/語.ts',
        'quote\'".ts',
        'back\\slash.ts',
        '😀.md',
      ];
      await put(...paths.map((path) => file(path, [chunk(`in ${path}`)])));
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await store.files(tree, 3, after);
        expect(page.files.length).toBeLessThanOrEqual(3);
        seen.push(...page.files.map(({ path }) => path));
        after = page.next;
      } while (after !== undefined);
      const order = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(seen).toEqual(paths.toSorted(order));
      for (const path of paths) expect(await store.chunks({ tree, path })).toHaveLength(1);
    });

    it('returns the k best, ties by id, and all there are for a larger k', async () => {
      const same = chunk('twice the same');
      await put(...corpus(60, 1), file('x.ts', [same, same]), file('y.ts', [same]));
      const everything = await byVector(vectorOf(same.body));
      expect(everything).toHaveLength(63);
      expect(idsOf(everything.slice(0, 3))).toEqual(idsOf(everything.slice(0, 3)).toSorted((a, b) => a - b));
      expect(everything.map(({ score }) => score)).toEqual(
        everything.map(({ score }) => score).toSorted((a, b) => b - a),
      );
      for (const k of [1, 2, 10, 62]) {
        expect(await byVector(vectorOf(same.body), k)).toEqual(everything.slice(0, k));
      }
      const texts = await byText('twice same bak');
      for (const k of [1, 2, 3, 10]) expect(await byText('twice same bak', k)).toEqual(texts.slice(0, k));
      expect(await byVector(vectorOf(same.body), 0)).toEqual([]);
      expect(await byText('twice', 0)).toEqual([]);
    });

    it('answers several queries at once as it answers them one by one', async () => {
      await put(...corpus(80, 2));
      const asked = questions(9, 3);
      const together = await store.searchText({ tree, queries: asked, k: 7 });
      const vectors = Float32Array.from(asked.flatMap((text) => [...vectorOf(text)]));
      const near = await store.searchVectors({ tree, space: space.name, vectors, k: 7 });
      for (const [at, text] of asked.entries()) {
        expect(together[at]).toEqual(await byText(text, 7));
        expect(near[at]).toEqual(await byVector(vectorOf(text), 7));
      }
      expect(await store.searchText({ tree, queries: [], k: 7 })).toEqual([]);
      expect(await store.searchVectors({ tree, space: space.name, vectors: new Float32Array(), k: 7 })).toEqual([]);
    });

    it('loses nothing to a filter: the k best of what passes', async () => {
      const files = corpus(300, 4);
      await put(...files);
      const query = questions(1, 5)[0] ?? '';
      const ranked = { text: await byText(`${query} bak bom`), vector: await byVector(vectorOf(query)) };
      const infos = new Map(
        (await store.chunks({ ids: Float64Array.from(idsOf(ranked.vector)) })).map((c) => [c.id, c]),
      );
      const some = Float64Array.from([...infos.keys()].filter((id) => id % 7 === 0));
      const passes = (pass: (path: string, language: string) => boolean) => (hit: Hit) => {
        const info = infos.get(hit.id);
        return info !== undefined && pass(info.path, info.language);
      };
      const cases: [string, Filter, (hit: Hit) => boolean][] = [
        ['language', { languages: ['python'] }, passes((_, language) => language === 'python')],
        ['two languages', { languages: ['python', 'typescript', 'cobol'] }, () => true],
        ['unknown language', { languages: ['cobol'] }, () => false],
        ['folder', { paths: ['src/**'] }, passes((path) => path.startsWith('src/'))],
        ['one level', { paths: ['src/*'] }, passes((path) => /^src\/[^/]*$/.test(path))],
        ['name', { paths: ['*.py'] }, passes((path) => path.endsWith('.py'))],
        [
          'either path',
          { paths: ['lib/*', 'with space/*.ts'] },
          passes((path) => /^(lib\/|with space\/.*ts$)/.test(path)),
        ],
        ['ids', { ids: some }, ({ id }) => some.includes(id)],
        ['no ids', { ids: new Float64Array() }, () => false],
        [
          'all of it',
          { ids: some, paths: ['**/*.ts'], languages: ['typescript'] },
          (hit) => some.includes(hit.id) && passes((path) => path.endsWith('.ts'))(hit),
        ],
        ['empty lists', { languages: [], paths: [] }, () => true],
      ];
      for (const [title, filter, pass] of cases) {
        for (const k of [1, 5, 50, all]) {
          expect(await byVector(vectorOf(query), k, filter), `${title}, vectors`).toEqual(
            ranked.vector.filter(pass).slice(0, k),
          );
          expect(await byText(`${query} bak bom`, k, filter), `${title}, text`).toEqual(
            ranked.text.filter(pass).slice(0, k),
          );
        }
      }
    });

    it('keeps trees apart and lets them share vectors', async () => {
      const other = '/home/somebody/worktree';
      const shared = chunk('shared between trees');
      await put(file('a.ts', [shared]));
      await store.commit({ tree: other, put: [file('b.ts', [shared, chunk('there only')])], remove: [], vectors: [] });
      expect(await pathsOf(await byText('shared'))).toEqual(['a.ts']);
      expect(await byText('there')).toEqual([]);
      const query = { space: space.name, vectors: vectorOf(shared.body), k: 9 };
      expect(await pathsOf((await store.searchVectors({ ...query, tree }))[0] ?? [])).toEqual(['a.ts']);
      expect(await pathsOf((await store.searchVectors({ ...query, tree: other }))[0] ?? [])).toEqual(['b.ts']);
      expect((await store.stats(other)).spaces[0]).toMatchObject({ vectors: 1, covered: 1 });
      expect(await store.missing({ space: space.name, tree: other, limit: 9 })).toMatchObject({ paths: ['b.ts'] });
      await commit({ remove: ['a.ts'] });
      expect((await store.searchText({ tree: other, queries: ['shared'], k: 9 }))[0]).toHaveLength(1);
    });

    it('says which vectors are missing', async () => {
      const [a, b, c] = [chunk('aa'), chunk('bb'), chunk('cc')];
      await commit({ put: [file('z.ts', [a]), file('m.ts', [b, c]), file('k.ts', [c])], vectors: [vectorsOf([a])] });
      const ask = (keys: Uint8Array[], limit = 10) => store.missing({ space: space.name, keys: joined(keys), limit });
      const unknown = keyOf('never seen');
      expect((await ask([c.key, a.key, unknown, b.key, c.key])).keys).toEqual(joined([c.key, unknown, b.key]));
      expect((await ask([c.key, a.key, unknown, b.key], 1)).keys).toEqual(c.key);
      expect((await ask([])).keys).toEqual(new Uint8Array());
      const paths = async (limit: number) => (await store.missing({ space: space.name, tree, limit })).paths;
      expect(await paths(10)).toEqual(['k.ts', 'm.ts']);
      expect(await paths(1)).toEqual(['k.ts']);
      await commit({ vectors: [vectorsOf([b, c])] });
      expect(await paths(10)).toEqual([]);
      expect((await store.stats(tree)).spaces[0]).toMatchObject({ vectors: 3, covered: 4 });
      expect(await byVector(vectorOf('cc'))).toHaveLength(4);
    });

    it('keeps the first vector of a key', async () => {
      const only = chunk('kept');
      const twice = {
        space: space.name,
        keys: joined([only.key, only.key]),
        vectors: new Float32Array(2 * space.dimension),
      };
      twice.vectors.set(vectorOf('first'));
      twice.vectors.set(vectorOf('second'), space.dimension);
      await commit({ put: [file('a.ts', [only])], vectors: [twice] });
      const { generation } = await store.stats(tree);
      await commit({ vectors: [{ space: space.name, keys: only.key, vectors: vectorOf('third') }] });
      expect((await byVector(vectorOf('first')))[0]?.score).toBeGreaterThan(0.999);
      expect((await store.stats(tree)).generation).toBe(generation);
    });

    it('keeps one vector for chunks of equal text, and gives every one of them', async () => {
      const same = chunk('license header');
      const count = 700;
      const files = Array.from({ length: count / 7 }, (_, at) => file(`f${String(at)}.ts`, Array(7).fill(same) as []));
      await put(...files, ...corpus(100, 13));
      const stats = await store.stats(tree);
      expect(stats).toMatchObject({ chunks: count + 100 });
      expect(stats.spaces[0]).toMatchObject({ vectors: 101, covered: count + 100 });
      const everything = await byVector(vectorOf(same.body));
      const ids = idsOf(everything.slice(0, count));
      expect(ids).toEqual(ids.toSorted((a, b) => a - b));
      expect(new Set(await pathsOf(everything.slice(0, count)))).toEqual(new Set(files.map(({ path }) => path)));
      for (const k of [1, 6, 699, 700, 701]) {
        expect(idsOf(await byVector(vectorOf(same.body), k))).toEqual(idsOf(everything.slice(0, k)));
      }
      const some = Float64Array.from(ids.filter((_, at) => at % 3 === 1));
      expect(idsOf(await byVector(vectorOf(same.body), all, { ids: some }))).toEqual([...some]);
      expect(idsOf(await byVector(vectorOf(same.body), 5, { ids: some }))).toEqual([...some.subarray(0, 5)]);
      await commit({ remove: files.slice(1).map(({ path }) => path) });
      expect(idsOf(await byVector(vectorOf(same.body), 7))).toEqual(ids.slice(0, 7));
      expect(await byVector(vectorOf(same.body))).toHaveLength(107);
    });

    it('lets ids through exactly, whatever numbers they are', async () => {
      await put(...corpus(200, 14));
      const ranked = await byVector(vectorOf('anything'));
      const random = generator(15);
      for (const share of [0.01, 0.1, 0.5, 0.99]) {
        const ids = Float64Array.from(idsOf(ranked).filter(() => random() < share));
        expect(await byVector(vectorOf('anything'), all, { ids })).toEqual(ranked.filter(({ id }) => ids.includes(id)));
      }
      const [first, second] = idsOf(ranked);
      const odd = Float64Array.of(second ?? 0, -1, 0.5, 2 ** 60, NaN, Infinity, first ?? 0, second ?? 0, 1e9);
      expect(idsOf(await byVector(vectorOf('anything'), all, { ids: odd }))).toEqual([first, second]);
    });

    it('keeps the vectors of a branch that is left and taken up again', async () => {
      const trunk = corpus(120, 16);
      const branch = trunk.slice(20).concat(corpus(40, 17).map((made) => ({ ...made, path: `branch/${made.path}` })));
      await put(...trunk);
      const asked = questions(5, 18);
      const places = async (): Promise<string[][]> =>
        Promise.all(asked.map(async (text) => (await pathsOf(await byVector(vectorOf(text)))).toSorted()));
      const onTrunk = await places();
      let vectors = 0;
      for (const round of [0, 1, 2]) {
        const [from, to] = [trunk, branch];
        await commit({
          put: to,
          remove: from.map(({ path }) => path).filter((path) => !to.some((made) => made.path === path)),
        });
        const missing = await store.missing({ space: space.name, tree, limit: all });
        if (round === 0) await commit({ vectors: [vectorsOf(branch.flatMap(({ chunks }) => chunks))] });
        else expect(missing.paths).toEqual([]);
        await commit({
          put: from,
          remove: to.map(({ path }) => path).filter((path) => !from.some((made) => made.path === path)),
        });
        expect(await store.missing({ space: space.name, tree, limit: all })).toMatchObject({ paths: [] });
        expect(await places()).toEqual(onTrunk);
        const { spaces } = await store.stats(tree);
        if (round > 0) expect(spaces[0]?.vectors).toBe(vectors);
        vectors = spaces[0]?.vectors ?? 0;
        if (round === 1) await reopen();
      }
    });

    it('compares directions, not lengths', async () => {
      const only = chunk('long');
      const keys = only.key;
      await commit({
        put: [file('a.ts', [only])],
        vectors: [{ space: space.name, keys, vectors: vectorOf('x').map((v) => v * 1e6) }],
      });
      expect((await byVector(vectorOf('x').map((v) => v / 1e6)))[0]?.score).toBeCloseTo(1, 3);
      expect((await byVector(vectorOf('x').map((v) => -v)))[0]?.score).toBeCloseTo(-1, 3);
    });

    it('takes any text as a query', async () => {
      await put(...corpus(20, 6), file('q.ts', [chunk('select quoted from where')]));
      for (const query of [
        '',
        '   ',
        '(',
        '"',
        'a:b AND (OR',
        '+-*/^~!?[]{}',
        '\u0000',
        '\ud800',
        '::',
        '*',
        'NOT',
        '\\',
        '“”…',
      ]) {
        expect(await byText(query), JSON.stringify(query)).toEqual([]);
      }
      expect(await byText('"quoted" AND (select OR')).toHaveLength(1);
      expect(await byText('quoted '.repeat(3000))).toHaveLength(1);
    });

    it('refuses what cannot be, and is as before', async () => {
      await put(file('a.ts', [chunk('one')]));
      const { generation } = await store.stats(tree);
      const keys = keyOf('k');
      const vector = vectorOf('k');
      const bad: Partial<CommitBatch>[] = [
        { vectors: [{ space: 'unknown', keys, vectors: vector }] },
        { vectors: [{ space: space.name, keys, vectors: vector.subarray(1) }] },
        { vectors: [{ space: space.name, keys: keys.subarray(1), vectors: vector }] },
        { vectors: [{ space: space.name, keys, vectors: new Float32Array(space.dimension) }] },
        { vectors: [{ space: space.name, keys, vectors: vector.map((v, at) => (at === 3 ? NaN : v)) }] },
        { vectors: [{ space: space.name, keys, vectors: vector.map((v, at) => (at === 3 ? Infinity : v)) }] },
        { put: [file('b.ts', []), file('b.ts', [])] },
        { put: [file('a.ts', [])], remove: ['a.ts'] },
        { put: [file('b.ts', [chunk('x', { key: new Uint8Array(15) })])] },
        { put: [file('b.ts', [], { contentHash: new Uint8Array(17) })] },
        { put: [file('b.ts', [], { language: '' })] },
        { put: [file('b.ts', [chunk('x', { startLine: 5, endLine: 4 })])] },
        { tree: '' },
        ...['', '/etc/passwd', '../up', 'a/../b', './a', 'a//b', 'a/', 'C:\\x', 'c:/x'].flatMap((path) => [
          { put: [file(path, [])] },
          { remove: [path] },
        ]),
      ];
      for (const batch of bad) {
        await expect(
          commit({ ...batch, put: [...(batch.put ?? []), file('fine.ts', [chunk('fine')])] }),
        ).rejects.toMatchObject(fixTheCall);
      }
      const beyond = Float32Array.from([...vector, 1]);
      const infinite = vector.map((v, at) => (at === 31 ? -Infinity : v));
      for (const vectors of [vector.subarray(1), beyond, new Float32Array(32), vector.map(() => NaN), infinite]) {
        await expect(byVector(vectors)).rejects.toMatchObject(fixTheCall);
        await expect(byVector(vectors, 0)).rejects.toMatchObject(fixTheCall);
      }
      for (const k of [-1, NaN]) await expect(byVector(vector, k)).rejects.toMatchObject(fixTheCall);
      await expect(store.searchVectors({ tree, space: 'unknown', vectors: vector, k: 1 })).rejects.toMatchObject(
        fixTheCall,
      );
      await expect(store.missing({ space: 'unknown', tree, limit: 1 })).rejects.toMatchObject(fixTheCall);
      await expect(store.missing({ space: space.name, limit: 1 })).rejects.toMatchObject(fixTheCall);
      await expect(store.files(tree, 0)).rejects.toMatchObject(fixTheCall);
      expect((await store.stats(tree)).generation).toBe(generation);
      expect(await byText('fine')).toEqual([]);
    });

    it('stops when asked, and goes on working', async () => {
      await put(...corpus(500, 7));
      const gone = AbortSignal.abort();
      const many = Float32Array.from(Array.from({ length: 400 }, (_, at) => [...vectorOf(String(at))]).flat());
      const vectorQuery = { tree, space: space.name, vectors: many, k: 10 };
      const textQuery = { tree, queries: questions(1000, 8), k: 10 };
      const cancelled = { name: 'TiercelError', code: 'Cancelled' };
      await expect(store.searchVectors(vectorQuery, gone)).rejects.toMatchObject(cancelled);
      await expect(store.searchText(textQuery, gone)).rejects.toMatchObject(cancelled);
      const running = new AbortController();
      const stopped = [store.searchVectors(vectorQuery, running.signal), store.searchText(textQuery, running.signal)];
      running.abort();
      await Promise.all(stopped.map((search) => expect(search).rejects.toMatchObject(cancelled)));
      expect(await byVector(vectorOf('after'), 5)).toHaveLength(5);
    });

    it('applies commits one after the other, each whole', async () => {
      const batches = Array.from({ length: 12 }, (_, at) => [
        chunk(`all of ${String(at)}`),
        chunk(`also ${String(at)}`),
      ]);
      const receipts = await Promise.all(batches.map((chunks, at) => put(file(`f${String(at)}.ts`, chunks))));
      expect(receipts.map(({ generation }) => generation).toSorted((a, b) => a - b)).toEqual(
        batches.map((_, at) => at + 1),
      );
      for (const { generation, files, chunks } of receipts)
        expect([files, chunks]).toEqual([generation, 2 * generation]);
      expect(await store.stats(tree)).toMatchObject({ generation: 12, files: 12, chunks: 24 });
      expect(await commit({})).toEqual({ generation: 12, files: 12, chunks: 24 });
    });

    it('keeps everything when closed and opened again', async () => {
      const files = corpus(120, 9);
      await put(...files);
      await commit({ remove: files.slice(0, 5).map(({ path }) => path) });
      const look = async () => ({
        text: await store.searchText({ tree, queries: questions(5, 10), k: 20 }),
        vector: await byVector(vectorOf('look'), 20),
        files: await store.files(tree, 1000),
        chunks: await store.chunks({ tree, path: files[7]?.path ?? '' }),
        missing: await store.missing({ space: space.name, tree, limit: 10 }),
        stats: { ...(await store.stats(tree)), bytesOnDisk: 0, bytesInMemory: 0, memory: [], spaces: [] },
      });
      const before = await look();
      const highest = Math.max(...idsOf(await byVector(vectorOf('look'))));
      await reopen();
      expect(await look()).toEqual(before);
      await commit({ remove: (await store.files(tree, 1000)).files.map(({ path }) => path) });
      await reopen();
      expect(await store.stats(tree)).toMatchObject({ generation: 3, knownFiles: 0, chunks: 0 });
      await put(file('new.ts', [chunk('new')]));
      expect((await byText('new'))[0]?.id).toBeGreaterThan(highest);
    });

    it('takes spaces in as they come and keeps those it is not asked for', async () => {
      const deep = { name: 'deep:test', dimension: 7 };
      const only = chunk('in two spaces');
      await put(file('a.ts', [only]));
      await reopen([space, deep]);
      expect(await store.missing({ space: deep.name, tree, limit: 9 })).toMatchObject({ paths: ['a.ts'] });
      await commit({ vectors: [vectorsOf([only], deep.name, deep.dimension)] });
      await reopen([deep]);
      await expect(byVector(vectorOf('x'))).rejects.toMatchObject(fixTheCall);
      const near = await store.searchVectors({ tree, space: deep.name, vectors: vectorOf(only.body, 7), k: 1 });
      expect(near[0]?.[0]?.score).toBeGreaterThan(0.99);
      await reopen([space]);
      expect(await byVector(vectorOf(only.body))).toHaveLength(1);
      await store.close();
      const changed = open({ directory, spaces: [{ name: space.name, dimension: 33 }] });
      await expect(changed).rejects.toMatchObject(fixTheCall);
      store = await open({ directory, spaces: [space] });
    });

    it('finishes running calls when it is closed, and refuses later ones', async () => {
      const committing = put(...corpus(50, 11));
      const searching = store.searchText({ tree, queries: questions(50, 12), k: 10 });
      const closing = [store.close(), store.close()];
      expect((await committing).chunks).toBe(50);
      expect(await searching).toHaveLength(50);
      await Promise.all(closing);
      await expect(byText('anything')).rejects.toMatchObject(fixTheCall);
      await expect(commit({})).rejects.toMatchObject(fixTheCall);
      await store.close();
    });
  });
}
