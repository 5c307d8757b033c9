import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClonesResult } from '../../protocol/clones.ts';
import type { SearchResult, SimilarResult } from '../../protocol/search.ts';
import type { FolderStatus, IndexResult } from '../../protocol/status.ts';
import { createFixture, tiercel, type CliResult, type Fixture } from './fixture.ts';

let fixture: Fixture;
const run = (args: readonly string[], input?: string): Promise<CliResult> => tiercel(fixture.env, args, input);
const json = async <T>(args: readonly string[]): Promise<T> => {
  const { code, stdout, stderr } = await run([...args, '--json']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout) as T;
};

beforeAll(() => {
  fixture = createFixture();
});
afterAll(async () => {
  await fixture.dispose();
});

describe('before anything is indexed', () => {
  test('search, similar and status say what to do and exit with 3', async () => {
    for (const args of [
      ['search', fixture.folder, 'router'],
      ['similar', fixture.folder, 'src/router.ts:6'],
      ['clones', fixture.folder],
      ['status', fixture.folder],
    ]) {
      const { code, stdout, stderr } = await run(args);
      expect({ args, code, stdout }).toEqual({ args, code: 3, stdout: '' });
      expect(stderr).toContain(`tiercel index ${fixture.folder}`);
    }
  });

  test.each([
    [['search']],
    [['search', '.', '--limit', '0', 'x']],
    [['search', '.']],
    [['search', '.', '--stdin', 'query']],
    [['similar', '.', 'no-line']],
    [['clones']],
    [['clones', '.', '--similarity', '0.3']],
    [['clones', '.', '--min-lines', '1']],
    [['index', '/no/such/folder']],
    [['index', '.', '--memory-budget', '7']],
    [['index', '.', '--disk-budget', 'much']],
    [['index', '.', '--max-wait', '-1']],
    [['index', '.', '--load', 'all']],
    [['nonsense']],
  ])('usage error %j exits with 2 and prints nothing to stdout', async (args) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });
});

describe('models', () => {
  test('are listed and checked; unknown and unreachable ones are errors with the way out', async () => {
    const { stdout } = await run(['models', 'list']);
    expect(stdout).toMatch(/^minilm-l6 +built-in, embedding, 25 MiB, Apache-2.0/m);
    expect(stdout).toMatch(/^coderankembed +available, embedding, MIT/m);
    const checked = await run(['models', 'check']);
    expect(checked).toMatchObject({ code: 0, stdout: 'instant-v2: whole\nminilm-l6: whole\n' });
    expect((await run(['models', 'check', 'coderankembed'])).stderr).toContain('tiercel models add coderankembed');
    expect((await run(['models', 'add', 'nothing'])).code).toBe(2);
    const nowhere = ['models', 'add', 'coderankembed', '--from', fixture.folder];
    expect((await run(nowhere)).stderr).toContain('tokenizer.json');
  });

  test('doctor says in words what runs them and why not another', async () => {
    const { code, stdout } = await run(['doctor', '--provider', 'cpu']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^WebGPU +(no: |usable)/m);
    expect(stdout).toMatch(/^Would use +the CPU$/m);
    expect(stdout).toMatch(/^Because +The CPU, as tiercel.inference.provider says\.$/m);
    expect((await run(['doctor', '--provider', 'abacus'])).code).toBe(2);
  });
});

describe('an indexed folder', () => {
  beforeAll(async () => {
    const result = await json<IndexResult>(['index', fixture.folder]);
    expect(result.filesChanged).toBeGreaterThanOrEqual(4);
    expect(result.coverage).toEqual({ lexical: 1, instant: 1 });
  });

  test('a second run finds nothing to do', async () => {
    const result = await json<IndexResult>(['index', fixture.folder]);
    expect(result).toMatchObject({ filesChanged: 0, embedded: 0 });
  });

  test('status counts files, chunks and vectors', async () => {
    const status = await json<FolderStatus>(['status', fixture.folder]);
    expect(status).toMatchObject({ folder: fixture.folder, phase: 'ready', coverage: { lexical: 1, instant: 1 } });
    expect(status.files).toBeGreaterThanOrEqual(4);
    expect(status.chunks).toBeGreaterThanOrEqual(status.files);
    expect(status.vectors).toBeGreaterThan(0);
    expect(status.bytesOnDisk).toBeGreaterThan(0);
    expect(status.disk.used).toBe(status.bytesOnDisk);
    expect(status.disk.budget).toBeGreaterThan(status.disk.used);
    // Other programs may leave the machine short of memory: what Tiercel itself holds is far below its limits.
    const { budget, used, cause, pressure } = status.memory;
    expect(used).toBeLessThanOrEqual(budget);
    expect(['own', 'vectors', 'disk'].includes(cause) ? pressure : 0).toBeLessThan(0.5);
    expect(status.spaces.map(({ name }) => name.split(':')[0])).toEqual(['instant', 'deep']);
    expect(status.languages).toMatchObject({ typescript: 1, python: 1, go: 1, markdown: 1 });
  });

  test('a question finds the function, with the documented members', async () => {
    const { query, hits, timings } = await json<SearchResult>(['search', fixture.folder, 'expire old sessions']);
    expect(query).toBe('expire old sessions');
    expect(timings.total).toBeGreaterThan(0);
    expect(hits[0]).toMatchObject({ path: 'src/session store.py', language: 'python' });
    // The class is longer than a snippet: the part with the words is shown.
    expect(hits[0]?.snippet).toContain('def expire_sessions');
    expect(hits[0]?.symbol).toContain('SessionStore');
    for (const hit of hits) {
      expect(Object.keys(hit).sort()).toEqual(
        [
          ...['endLine', 'highlights', 'kind', 'language', 'path', 'score'],
          ...['snippet', 'snippetLine', 'startLine', 'symbol'],
        ].sort(),
      );
    }
  });

  test('what matched is marked in the snippet', async () => {
    const { hits } = await json<SearchResult>(['search', fixture.folder, 'expire old sessions']);
    const { snippet = '', snippetLine = 0, highlights = [] } = hits[0] ?? {};
    const lines = snippet.split('\n');
    const words = highlights.map(({ line, start, end }) => lines[line - snippetLine]?.slice(start, end).toLowerCase());
    expect(words.some((word) => word?.includes('session') === true)).toBe(true);
    expect(words.every((word) => /expir|session|old/u.test(word ?? ''))).toBe(true);
  });

  test('an answer says whether it fits, and shows what is nearest in any case', async () => {
    const good = await json<SearchResult>(['search', fixture.folder, 'register a handler for a path']);
    expect(good.goodMatch).toBe(true);
    expect(good.confidence).toBeGreaterThan(0.5);
    const question = 'compress video frames with motion estimation';
    const poor = await json<SearchResult>(['search', fixture.folder, question]);
    expect(poor.goodMatch).toBe(false);
    expect(poor.confidence).toBeLessThan(0.2);
    expect(poor.hits.length).toBeGreaterThan(0);
    const { stdout } = await run(['search', fixture.folder, question]);
    expect(stdout).toMatch(/^No good match\. The nearest are:\n\n {2}1\. /);
    expect((await run(['search', fixture.folder, 'register a handler for a path'])).stdout).not.toContain(
      'No good match',
    );
  });

  test('the same text in another file is folded for people, and with --fold', async () => {
    fixture.write('copies/router.ts', fixture.read('src/router.ts'));
    await json<IndexResult>(['index', fixture.folder]);
    const query = ['search', fixture.folder, 'register a handler for a path'];
    const flat = await json<SearchResult>(query);
    const routers = ['copies/router.ts', 'src/router.ts'];
    expect(flat.hits.map(({ path }) => path)).toEqual(expect.arrayContaining(routers));
    expect(flat.hits.every((hit) => hit.folded === undefined)).toBe(true);
    const { hits } = await json<SearchResult>([...query, '--fold']);
    const [first] = hits;
    expect([first?.path, ...(first?.folded ?? []).map(({ path }) => path)].sort()).toEqual(routers);
    expect((await run(query)).stdout).toMatch(/^ {6}1 similar: (?:copies|src)\/router\.ts:\d+$/m);
  });

  test('similar marks the copy, clones lists it with its places', async () => {
    const { hits } = await json<SimilarResult>(['similar', fixture.folder, 'src/router.ts:6']);
    expect(hits[0]).toMatchObject({ path: 'copies/router.ts', similarity: 1, marks: ['identical'] });
    expect((await run(['similar', fixture.folder, 'src/router.ts:6'])).stdout).toMatch(
      / {2}1\. copies\/router\.ts.* · identical /,
    );
    const clones = await json<ClonesResult>(['clones', fixture.folder]);
    expect(clones.groups).toHaveLength(1);
    const [{ kind, similarity, places } = {}] = clones.groups;
    expect({ kind, similarity }).toEqual({ kind: 'identical', similarity: 1 });
    expect(places?.map(({ path }) => path)).toEqual(['copies/router.ts', 'src/router.ts']);
    const { stdout } = await run(['clones', fixture.folder]);
    expect(stdout).toMatch(/^ {2}1\. 2 places, \d+ lines, identical · typescript\n {6}copies\/router\.ts:\d+-\d+/);
    expect(stdout).toMatch(/1 groups? repeats? \d+ lines\. \d+ pieces of \d+ files compared/);
    expect((await json<ClonesResult>(['clones', fixture.folder, '--min-lines', '900'])).groups).toEqual([]);
    expect((await run(['clones', fixture.folder, '--language', 'go'])).stdout).toMatch(/^No clones\. /);
    rmSync(join(fixture.folder, 'copies'), { recursive: true });
    await json<IndexResult>(['index', fixture.folder]);
  });

  test('ignored files are not found', async () => {
    const { hits } = await json<SearchResult>(['search', fixture.folder, 'neverIndexed']);
    expect(hits.map(({ path }) => path)).not.toContain('build/ignored.ts');
  });

  test('filters by language and path, limit', async () => {
    const go = await json<SearchResult>(['search', fixture.folder, 'parse size', '--language', 'go']);
    expect(go.hits.map(({ path }) => path)).toEqual(go.hits.map(() => 'lib/größe.go'));
    expect(go.hits.length).toBeGreaterThan(0);
    const source = await json<SearchResult>(['search', fixture.folder, 'parse size', '--path', 'src/**']);
    expect(source.hits.every(({ path }) => path.startsWith('src/'))).toBe(true);
    expect(source.hits.length).toBeGreaterThan(0);
    const one = await json<SearchResult>(['search', fixture.folder, 'parse size', '--limit', '1']);
    expect(one.hits).toHaveLength(1);
  });

  test('--stdin answers each line in order, the empty one too', async () => {
    const queries = ['register a route', '', '"; DROP TABLE (', 'größe'];
    const { code, stdout } = await run(['search', fixture.folder, '--stdin', '--json'], `${queries.join('\n')}\n`);
    expect(code).toBe(0);
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as SearchResult);
    expect(answers.map(({ query }) => query)).toEqual(queries);
    expect(answers[0]?.hits[0]?.path).toBe('src/router.ts');
    expect(answers[1]?.hits).toEqual([]);
  });

  test('similar leaves the place itself out', async () => {
    const result = await json<SimilarResult>(['similar', fixture.folder, 'src/router.ts:6']);
    expect(result.source).toMatchObject({ path: 'src/router.ts' });
    expect(result.hits.length).toBeGreaterThan(0);
    for (const hit of result.hits) {
      const overlaps = hit.startLine <= result.source.endLine && hit.endLine >= result.source.startLine;
      expect(hit.path === 'src/router.ts' && overlaps).toBe(false);
    }
  });

  test('similar at a place without code exits with 2', async () => {
    const { code, stderr } = await run(['similar', fixture.folder, 'src/missing.ts:1']);
    expect(code).toBe(2);
    expect(stderr).toContain('src/missing.ts:1');
  });

  test('text output names place, symbol and score', async () => {
    const { code, stdout } = await run(['search', fixture.folder, 'parse size']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}1\. lib\/größe\.go:\d+ {2}\S.* {2}\d+\.\d+$/m);
  });

  test('a changed, a new and a deleted file are followed by the next index', async () => {
    fixture.write('src/brandNew.ts', 'export function launchRocketToMoon() {\n  return "liftoff";\n}\n');
    const result = await json<IndexResult>(['index', fixture.folder]);
    expect(result.filesChanged).toBe(1);
    const { hits } = await json<SearchResult>(['search', fixture.folder, 'launch rocket']);
    expect(hits[0]?.path).toBe('src/brandNew.ts');
  });

  test('--deep waits for the transformer, and searches ask it then', async () => {
    const result = await json<IndexResult>(['index', fixture.folder, '--deep']);
    expect(result.coverage).toEqual({ lexical: 1, instant: 1, deep: 1 });
    const status = await json<FolderStatus>(['status', fixture.folder]);
    const deep = status.lanes.find(({ lane }) => lane === 'deep');
    expect(deep).toMatchObject({ dimension: 384, vectors: result.embedded });
    expect(deep?.note).toBeUndefined();
    const { hits, coverage } = await json<SearchResult>(['search', fixture.folder, 'log users out after some time']);
    expect(coverage.deep).toBe(1);
    expect(hits[0]?.path).toBe('src/session store.py');
    // Three lists are fused: a chunk that leads all of them scores more than two lists could give.
    expect(hits[0]?.score).toBeGreaterThan(2 / 61);
  }, 120_000);

  test('--rerank puts candidates in order by the transformer, says how many, and leaves the rest', async () => {
    const params = ['search', fixture.folder, 'log users out after some time', '--rerank'];
    // The time budget holds here, too: beside other tests there may be no time to score one candidate, and the note says so.
    const unhurried = { timeout: 60_000, interval: 100 };
    let answer = await json<SearchResult>(params);
    const scored = async (): Promise<number | undefined> => {
      answer = await json<SearchResult>(params);
      return answer.rerank?.scored;
    };
    await expect.poll(scored, unhurried).toBeGreaterThan(0);
    const { hits, rerank } = answer;
    expect(rerank).toMatchObject({ device: 'cpu', model: expect.stringContaining('minilm-l6') as string });
    expect(rerank?.note).toBeUndefined();
    expect(rerank?.scored).toBeGreaterThan(0);
    expect(hits[0]?.path).toBe('src/session store.py');
    const report = /\d+ of \d+ candidates scored by minilm-l6\S* on cpu in \d+ ms\./;
    await expect.poll(async () => (await run(params)).stdout, unhurried).toMatch(report);
  }, 150_000);

  test('the status says on what the transformer runs, and why', async () => {
    const { lanes } = await json<FolderStatus>(['status', fixture.folder]);
    const deep = lanes.find(({ lane }) => lane === 'deep');
    expect(deep).toMatchObject({ device: 'cpu', why: expect.stringMatching(/^No GPU is used\. .+\.$/) as string });
    expect(deep).toMatchObject({ nodes: expect.any(Number) as number, nodesOnCpu: 0 });
    const { stdout } = await run(['status', fixture.folder]);
    expect(stdout).toMatch(/Lane deep .*; No GPU is used/);
  });

  test('an index that may not grow waits, says so, and gives up when told to; searches go on', async () => {
    const words = (seed: number): string =>
      Array.from({ length: 60 }, (_, at) => `word${String((seed * 7919 + at * 104_729) % 100_003)}`).join(' ');
    const big = (from: number): void => {
      for (let at = from; at < from + 900; at++) {
        fixture.write(`many/f${String(at)}.md`, `# Part ${String(at)}\n\n${words(at)}\n\n${words(-at)}\n`);
      }
    };
    big(0);
    await json<IndexResult>(['index', fixture.folder]);
    const { disk } = await json<FolderStatus>(['status', fixture.folder]);
    expect(disk.used).toBeGreaterThan(1024 ** 2);
    big(900);
    const { code, stdout, stderr } = await run(['index', fixture.folder, '--disk-budget', '1', '--max-wait', '1']);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toContain('tiercel: waiting for memory: ');
    expect(stderr).toContain('tiercel.disk.budget');
    const { hits } = await json<SearchResult>([
      'search',
      fixture.folder,
      'expire old sessions',
      '--language',
      'python',
    ]);
    expect(hits[0]?.path).toBe('src/session store.py');
    // The wish ended with the command: now there is room.
    const result = await json<IndexResult>(['index', fixture.folder]);
    expect(result.coverage).toEqual({ lexical: 1, instant: 1, deep: expect.any(Number) as number });
    expect(result.filesChanged).toBeGreaterThanOrEqual(900);
  }, 120_000);

  test('--rebuild starts over and finds the same', async () => {
    const before = await json<FolderStatus>(['status', fixture.folder]);
    const result = await json<IndexResult>(['index', fixture.folder, '--rebuild']);
    expect(result.chunks).toBe(before.chunks);
    expect(result.filesChanged).toBeGreaterThanOrEqual(5);
  });
});
