import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openInstantEmbedder } from '../inference/instant.ts';
import type { Embedder } from '../inference/types.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { encodePayload } from '../store/payload.ts';
import { hashBytes, type FileRecord, type RankedStore } from '../store/types.ts';
import type { ReadLines } from './read-lines.ts';
import { searchCode, type Answer, type RetrievalDeps, type SearchOptions } from './search.ts';

const model = fileURLToPath(new URL('../../../models/instant-v2', import.meta.url));
const tree = '/somewhere/shop';
const { signal } = new AbortController();

interface Piece {
  symbol: string;
  kind: string;
  body: string;
  doc?: string;
}

const files: Record<string, Piece[]> = {
  'src/http/rate_limiter.ts': [
    {
      symbol: 'RateLimiter.allow',
      kind: 'method',
      doc: 'Whether a client may send another request now.',
      body: 'allow(address, now) { const bucket = this.buckets.get(address); return bucket.tokens > 0; }',
    },
    { symbol: 'RateLimiter', kind: 'class', body: 'export class RateLimiter { buckets = new Map(); }' },
  ],
  'src/http/router.ts': [
    {
      symbol: 'Router.register',
      kind: 'method',
      doc: 'Registers a handler for a path.',
      body: 'register(path, handler) { if (this.table.has(path)) throw new Error("route is taken"); this.table.set(path, handler); }',
    },
  ],
  'src/http/session.py': [
    {
      symbol: 'sign_cookie',
      kind: 'function',
      body: 'def sign_cookie(payload, secret): return hmac.new(secret, payload, "sha256").hexdigest()',
    },
  ],
  'tests/test_rate_limiter.ts': [
    {
      symbol: 'allows as many requests as there are tokens',
      kind: 'test',
      body: 'it("rate limiter allows as many requests as the rate limiter has tokens", () => { new RateLimiter(2).allow("a", 0); })',
    },
  ],
  'docs/limits.md': [
    { symbol: 'Rate limits', kind: 'section', body: '# Rate limits\nThe rate limiter allows two requests.' },
  ],
};
const languages: Record<string, string> = { ts: 'typescript', py: 'python', md: 'markdown' };

let directory: string;
let store: RankedStore;
let embedder: Embedder;

function keyOf(number: number): Uint8Array {
  return Uint8Array.from({ length: hashBytes }, (_, at) => (at === 0 ? number : 7));
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tiercel-search-'));
  embedder = await openInstantEmbedder(model);
  const { dimension } = embedder.model;
  const spaces = ['instant:x', 'deep:x'].map((name) => ({ name, dimension }));
  store = await openEmbeddedStore({ directory: join(directory, 'store'), spaces });
  let number = 0;
  const bodies: string[] = [];
  const put = Object.entries(files).map(([path, pieces]): FileRecord => {
    const chunks = pieces.map(({ symbol, kind, body, doc = '' }, at) => {
      bodies.push(body);
      const payload = encodePayload({ symbol, kind, signature: '' });
      return { key: keyOf(number++), startLine: 10 * at + 1, endLine: 10 * at + 9, payload, symbol, doc, body };
    });
    const language = languages[path.split('.').at(-1) ?? ''] ?? '';
    return { path, language, size: 1, mtimeMs: 1, contentHash: new Uint8Array(hashBytes), outcome: '', chunks };
  });
  const vectors = await embedder.embed(bodies, 'passage');
  const keys = Uint8Array.from(bodies.flatMap((_, at) => [...keyOf(at)]));
  // The deep lane has seen one chunk only: the test of the rate limiter.
  const seen = bodies.findIndex((body) => body.startsWith('it('));
  const deep = vectors.slice(seen * dimension, (seen + 1) * dimension);
  await store.commit({
    tree,
    put,
    remove: [],
    vectors: [
      { space: 'instant:x', keys, vectors },
      { space: 'deep:x', keys: keyOf(seen), vectors: deep },
    ],
  });
});

afterAll(async () => {
  await store.close();
  await embedder.close();
  await rm(directory, { recursive: true, force: true });
});

/** Pieces stand ten lines apart. */
const read: ReadLines = (path, start, end) => {
  const lines = (files[path] ?? []).flatMap(({ body }) => [body, ...Array.from({ length: 9 }, () => '')]);
  return Promise.resolve(lines.slice(start - 1, end));
};

function search(query: string, options: Partial<SearchOptions> = {}, lanes = ['instant']): Promise<Answer> {
  const deps: RetrievalDeps = {
    store,
    tree,
    lanes: lanes.map((name) => ({ name, embedder, space: `${name}:x` })),
    patienceMs: 0,
  };
  return searchCode(deps, query, { limit: 10, filter: {}, ...options }, read, signal);
}

const paths = ({ hits }: Answer): string[] => hits.map(({ path }) => path);

describe('a search', () => {
  it('finds the code first, its test and its documentation later', async () => {
    const found = paths(await search('how does the rate limiter allow requests'));
    expect(found[0]).toBe('src/http/rate_limiter.ts');
    expect(found).toContain('tests/test_rate_limiter.ts');
    expect(paths(await search('tests of the rate limiter'))[0]).toBe('tests/test_rate_limiter.ts');
  });

  it('finds a symbol by its name, its beginning, its other spelling and with a slip of the pen', async () => {
    for (const query of ['RateLimiter', 'rate_limiter', 'ratelim', 'RateLimter', 'rate limiter']) {
      const { hits } = await search(query, { lanes: ['lexical'] });
      expect(hits[0]?.path, query).toBe('src/http/rate_limiter.ts');
    }
    expect((await search('RateLimiter')).hits[0]?.symbol).toBe('RateLimiter');
  });

  it('gives only what holds a phrase in quotes', async () => {
    expect(paths(await search('"route is taken"'))).toEqual(['src/http/router.ts']);
    expect(paths(await search('"taken is route"'))).toEqual([]);
    expect(paths(await search('where is "route is taken" thrown'))).toEqual(['src/http/router.ts']);
  });

  it('keeps to the filters of the query', async () => {
    expect(new Set(paths(await search('rate limiter path:src')))).not.toContain('tests/test_rate_limiter.ts');
    expect(paths(await search('rate limiter -path:src -path:docs'))).toEqual(['tests/test_rate_limiter.ts']);
    expect(paths(await search('cookie lang:py'))).toEqual(['src/http/session.py']);
    const { hits } = await search('rate limiter kind:class');
    expect(hits.map(({ kind }) => kind)).toEqual(['class']);
  });

  it('says what each signal adds, and the shares add up to the score', async () => {
    const { hits } = await search('register a handler', { explain: true });
    for (const { why = [], path } of hits.filter((_, at) => at === 0)) {
      expect(path).toBe('src/http/router.ts');
      expect(why.length).toBeGreaterThan(5);
      for (const { value, weight, share } of why) expect(share).toBeCloseTo(value * weight, 6);
    }
    const [first] = hits;
    expect((first?.why ?? []).reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(first?.score ?? NaN, 5);
    expect((await search('register a handler')).hits[0]?.why).toBeUndefined();
  });

  it('asks the lanes it is told to', async () => {
    const { hits } = await search('hexdigest', { lanes: ['lexical'], ranker: 'off' });
    expect(hits.map(({ path }) => path)).toEqual(['src/http/session.py']);
    expect((await search('hexdigest', { lanes: ['instant'], ranker: 'off' })).hits.length).toBe(6);
  });

  it('is not led astray by a lane that has seen one chunk', async () => {
    const query = 'how does the rate limiter allow requests';
    const without = paths(await search(query));
    expect(paths(await search(query, {}, ['instant', 'deep']))[0]).toBe(without[0]);
  });

  it('lifts what is near the files at hand', async () => {
    const score = async (near: string[]): Promise<number> => {
      const { hits } = await search('sign', { near });
      return hits.find(({ path }) => path === 'src/http/session.py')?.score ?? 0;
    };
    expect(await score(['src/http/router.ts'])).toBeGreaterThan(await score([]));
    expect(await score(['src/http/session.py'])).toBeGreaterThan(await score(['src/http/router.ts']));
  });

  it('lifts classes where a thing is described, and functions where it is said what they do', async () => {
    const lifted = async (query: string): Promise<string[]> => {
      const { hits } = await search(query, { explain: true });
      return hits.flatMap(({ symbol, why }) =>
        why?.some(({ signal: name, share }) => /^(?:thing|action)$/.test(name) && share > 0) ? [symbol] : [],
      );
    };
    expect(await lifted('A rate limiter for the requests of a client')).toEqual(['RateLimiter']);
    const functions = await lifted('Allow the requests of a client by the rate limiter');
    expect(functions).toContain('RateLimiter.allow');
    expect(functions).not.toContain('RateLimiter');
    expect(await lifted('how does the rate limiter allow requests')).toEqual([]);
  });

  it('lifts what was changed last', async () => {
    const score = async (recent: string[]): Promise<number> => {
      const { hits } = await search('sign', { recent });
      return hits.find(({ path }) => path === 'src/http/session.py')?.score ?? 0;
    };
    const before = await score(['src/http/router.ts']);
    expect(await score(['src/http/session.py'])).toBeCloseTo(before + 0.1, 5);
    expect(await score(['src/http/router.ts', 'src/http/session.py'])).toBeGreaterThan(before);
  });

  it('finds nothing for nothing, and takes questions in any language', async () => {
    expect((await search('  ')).hits).toEqual([]);
    expect((await search('lang:go')).hits).toEqual([]);
    for (const query of ['où est signé le cookie', 'レート制限はどこですか', 'где подписывается cookie', '🙂']) {
      expect((await search(query)).hits.length, query).toBeGreaterThan(0);
    }
    expect(paths(await search('où est signé le cookie'))[0]).toBe('src/http/session.py');
  });
});
