import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { errorCodes, TiercelError } from '../../protocol/errors.ts';
import type { SearchHit, SearchResult } from '../../protocol/search.ts';
import type { Folder } from './hits.ts';
import { SearchSession } from './searchSession.ts';
import type { SearchView } from './searchSession.ts';

const app: Folder = { name: 'app', path: '/app' };
const lib: Folder = { name: 'lib', path: '/lib' };

function result(query: string, paths: string[]): SearchResult {
  const hits = paths.map<SearchHit>((path) => ({
    path,
    startLine: 1,
    endLine: 2,
    symbol: path,
    kind: 'function',
    language: 'go',
    score: 1,
    snippet: '',
    snippetLine: 1,
    highlights: [],
  }));
  const timings = { total: 1, embed: 0, lexical: 0, vector: 0, fuse: 0, read: 0 };
  return { query, hits, goodMatch: true, timings, coverage: { lexical: 1, instant: 1 } };
}

interface Call {
  folder: Folder;
  query: string;
  signal: AbortSignal;
  resolve: (value: SearchResult) => void;
  reject: (error: unknown) => void;
}

/** A session whose requests wait until the test answers them. */
function start(folders: Folder[] = [app]): { session: SearchSession; calls: Call[]; views: SearchView[] } {
  const calls: Call[] = [];
  const views: SearchView[] = [];
  const session = new SearchSession(
    {
      folders: () => folders,
      search: (folder, query, _limit, signal) =>
        new Promise((resolve, reject) => {
          calls.push({ folder, query, signal, resolve, reject });
        }),
    },
    (view) => views.push(view),
    { debounceMs: 100, timeoutMs: 10_000 },
  );
  return { session, calls, views };
}

function answers(views: readonly SearchView[]): Extract<SearchView, { state: 'answered' }>[] {
  return views.filter((view) => view.state === 'answered');
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('typing', () => {
  test('asks once, when it pauses, for the last text', async () => {
    const { session, calls, views } = start();
    session.type('pa');
    await vi.advanceTimersByTimeAsync(60);
    session.type('parse');
    await vi.advanceTimersByTimeAsync(99);
    expect(calls).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls.map((call) => call.query)).toEqual(['parse']);
    calls[0]?.resolve(result('parse', ['a.go']));
    await vi.advanceTimersByTimeAsync(0);
    expect(answers(views)[0]).toMatchObject({
      query: 'parse',
      hits: [{ folder: app, hit: { path: 'a.go' } }],
      failures: [],
    });
  });

  test('cancels the older request and never shows its answer', async () => {
    const { session, calls, views } = start();
    session.run('old');
    await vi.advanceTimersByTimeAsync(0);
    session.type('new');
    expect(calls[0]?.signal.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(100);
    calls[1]?.resolve(result('new', ['new.go']));
    await vi.advanceTimersByTimeAsync(0);
    calls[0]?.resolve(result('old', ['old.go']));
    await vi.advanceTimersByTimeAsync(0);
    expect(answers(views).map((view) => view.query)).toEqual(['new']);
  });

  test('an emptied box is idle and asks nothing', async () => {
    const { session, calls, views } = start();
    session.type('x');
    session.type('  ');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(calls).toHaveLength(0);
    expect(views.at(-1)).toEqual({ state: 'idle' });
  });

  test('closing the box cancels', async () => {
    const { session, calls, views } = start();
    session.run('x');
    await vi.advanceTimersByTimeAsync(0);
    session.dispose();
    calls[0]?.resolve(result('x', ['a.go']));
    await vi.advanceTimersByTimeAsync(0);
    expect(calls[0]?.signal.aborted).toBe(true);
    expect(answers(views)).toEqual([]);
  });
});

describe('trouble', () => {
  test('a busy server is asked again once, after the time it named', async () => {
    const { session, calls, views } = start();
    session.run('x');
    await vi.advanceTimersByTimeAsync(0);
    calls[0]?.reject(new TiercelError(errorCodes.retryLater, 'Busy', { retryAfterMs: 400 }));
    await vi.advanceTimersByTimeAsync(399);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toHaveLength(2);
    calls[1]?.reject(new TiercelError(errorCodes.retryLater, 'Still busy', { retryAfterMs: 400 }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(calls).toHaveLength(2);
    expect(answers(views)).toMatchObject([{ hits: [], failures: [{ message: 'Still busy', remedy: 'tryAgain' }] }]);
  });

  test('a silent server ends in a message, and the request is cancelled', async () => {
    const { session, calls, views } = start();
    session.run('x');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(calls[0]?.signal.aborted).toBe(true);
    expect(answers(views)[0]?.failures[0]?.message).toContain('within 10 seconds');
  });

  test('one folder that fails does not hide the others', async () => {
    const { session, calls, views } = start([app, lib]);
    session.run('x');
    await vi.advanceTimersByTimeAsync(0);
    calls[1]?.resolve({ ...result('x', ['l.go', 'm.go']), coverage: { lexical: 1, instant: 0.5 } });
    calls[0]?.reject(new TiercelError(errorCodes.indexFirst, 'Not indexed'));
    await vi.advanceTimersByTimeAsync(0);
    const [view] = answers(views);
    expect(view?.hits.map(({ folder, hit }) => `${folder.name}/${hit.path}`)).toEqual(['lib/l.go', 'lib/m.go']);
    expect(view?.failures).toMatchObject([{ folder: app, remedy: 'indexFolder' }]);
    expect(view?.coverage).toEqual({ lexical: 1, instant: 0.5 });
  });
});

test('the answers of several folders are interleaved by rank', async () => {
  const { session, calls, views } = start([app, lib]);
  session.run('x');
  await vi.advanceTimersByTimeAsync(0);
  calls[0]?.resolve(result('x', ['a1', 'a2']));
  calls[1]?.resolve(result('x', ['l1']));
  await vi.advanceTimersByTimeAsync(0);
  expect(answers(views)[0]?.hits.map(({ hit }) => hit.path)).toEqual(['a1', 'l1', 'a2']);
});
