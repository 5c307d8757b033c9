import { expect, test } from 'vitest';
import { byRelevance, isTest, urgencyOf } from './relevance.ts';

test('tests, fixtures and examples are told by their names', () => {
  for (const path of ['src/a.test.ts', 'pkg/a_test.go', 'tests/x.py', 'test_a.py', 'lib/spec/a.rb', 'src/ATests.cs']) {
    expect([path, isTest(path)]).toEqual([path, true]);
  }
  for (const path of ['src/latest.ts', 'src/contest/a.py', 'src/attestation.go', 'protest.md']) {
    expect([path, isTest(path)]).toEqual([path, false]);
  }
});

test('open editors, then the latest changes, sources, tests, prose', () => {
  const old = Array.from({ length: 300 }, (_, i) => ({ path: `src/old${String(i)}.ts`, mtimeMs: 1000 + i }));
  const files = [
    { path: 'README.md', mtimeMs: 1 },
    { path: 'src/a.test.ts', mtimeMs: 2 },
    { path: 'src/b.ts', mtimeMs: 3 },
    { path: 'src/open.md', mtimeMs: 4 },
    ...old,
  ];
  const urgency = urgencyOf(files, new Set(['src/open.md']));
  expect(files.slice(0, 4).map(({ path }) => urgency.get(path))).toEqual(['prose', 'test', 'source', 'open']);
  expect([urgency.get('src/old299.ts'), urgency.get('src/old0.ts')]).toEqual(['recent', 'source']);
  const order = byRelevance(files, new Set(['src/open.md']));
  expect(order[0]).toBe('src/open.md');
  expect(order.slice(-2)).toEqual(['src/a.test.ts', 'README.md']);
});
