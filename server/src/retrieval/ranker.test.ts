import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aloneness, queryWeights, rank, sharesOf } from './ranker.ts';
import { candidatesFor, type JudgedQuery } from './search.ts';
import type { Judged } from './signals.ts';
import { openTestTree, type TestTree } from './test-tree.ts';

const question = 'how are prices of an order added up';
const functions = Array.from(
  { length: 40 },
  (_, at) => `def price_of_${String(at)}(order):\n    total = order.prices[${String(at)}]\n    return total\n`,
);
const apart = Object.fromEntries(functions.map((text, at) => [`${String(at)}.py`, text]));
const together = Object.fromEntries(
  [0, 1, 2, 3].map((at) => [`${String(at)}.py`, functions.slice(at * 10, at * 10 + 10).join('\n\n')]),
);

describe('weights of a query', () => {
  let directory: string;
  const open: TestTree[] = [];
  const judgedIn = async (name: string, files: Readonly<Record<string, string>>): Promise<JudgedQuery> => {
    const tree = await openTestTree(join(directory, name), files);
    open.push(tree);
    return candidatesFor(tree.deps, question, { limit: 10, filter: {} }, new AbortController().signal);
  };
  let heap: JudgedQuery;
  let repository: JudgedQuery;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tiercel-ranker-'));
    heap = await judgedIn('heap', apart);
    repository = await judgedIn('repository', together);
  });
  afterAll(async () => {
    for (const tree of open) await tree.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('are those for functions that stand alone where every file holds one', () => {
    expect(aloneness(heap.judged)).toBe(1);
    const { weights, repeated } = queryWeights('hand', heap.asked, heap.judged);
    expect(weights.fileBest).toBe(0);
    expect(weights.deep).toBe(2.5);
    expect(repeated).toBe(0);
  });

  it('are those for repositories where files hold several', () => {
    expect(aloneness(repository.judged)).toBe(0);
    expect(queryWeights('hand', repository.asked, repository.judged).weights.fileBest).toBe(1);
  });

  it('lie between the two where some do', () => {
    // Half of the candidates alone is a repository still, four fifths are a heap: the middle is at .65.
    const judged = [...heap.judged.slice(0, 26), ...repository.judged.slice(0, 14)];
    expect(aloneness(judged)).toBeCloseTo(0.5, 1);
    const { weights } = queryWeights('hand', { kind: 'question' }, judged);
    expect(weights.fileBest).toBeGreaterThan(0.3);
    expect(weights.fileBest).toBeLessThan(0.7);
  });

  it('are those for repositories where candidates are too few to tell', () => {
    expect(aloneness(heap.judged.slice(0, 5))).toBe(0);
  });

  it('take less of the instant lane the more candidates have a deep vector', () => {
    const { judged } = repository;
    const without = queryWeights('hand', { kind: 'question' }, judged).weights.instant ?? 0;
    const known = judged.map((one) => {
      const cosines = new Map([...one.candidate.cosines, ['deep', 0.5]]);
      return { ...one, candidate: { ...one.candidate, cosines } };
    });
    const half = [...known.slice(0, judged.length / 2), ...judged.slice(judged.length / 2)];
    const least = queryWeights('hand', { kind: 'question' }, known).weights.instant ?? 0;
    const some = queryWeights('hand', { kind: 'question' }, half).weights.instant ?? 0;
    expect(least).toBeGreaterThan(0);
    expect(least).toBeLessThan(some);
    expect(some).toBeLessThan(without);
  });

  it('of code and of symbols do not depend on it', () => {
    for (const kind of ['code', 'symbol'] as const)
      expect(queryWeights('learned', { kind }, heap.judged)).toEqual(
        queryWeights('learned', { kind }, repository.judged),
      );
  });

  it('have trees where a description says what is done, by what the deep lane knows', () => {
    const { judged } = repository;
    const says = { kind: 'description', describes: 'action' } as const;
    const known = judged.map((one) => {
      const cosines = new Map([...one.candidate.cosines, ['deep', 0.5]]);
      return { ...one, candidate: { ...one.candidate, cosines } };
    });
    const countsOf = (of: Judged[]): number[] => queryWeights('learned', says, of).trees.map(({ counts }) => counts);
    expect(countsOf(judged)).toEqual([1]);
    expect(countsOf(known)).toEqual([1]);
    expect(countsOf([...known.slice(0, judged.length / 2), ...judged.slice(judged.length / 2)])).toEqual([0.5, 0.5]);
    expect(countsOf(heap.judged)).toEqual([]);
    const [without] = queryWeights('learned', says, judged).trees;
    expect(queryWeights('learned', says, known).trees[0]?.trees).not.toBe(without?.trees);
    expect(queryWeights('learned', { ...says, describes: 'thing' }, judged).trees).toEqual([]);
    expect(queryWeights('hand', says, judged).trees).toEqual([]);
  });

  it('say of every hit what adds up to its score', () => {
    const scoring = queryWeights('learned', { kind: 'description', describes: 'action' }, repository.judged);
    const scored = rank(repository.judged, scoring);
    for (const { judged, score } of scored) {
      const shares = sharesOf(judged, scoring);
      expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(score, 8);
    }
    const shares = scored.flatMap(({ judged }) => sharesOf(judged, scoring));
    expect(shares.some(({ byTrees }) => byTrees !== 0)).toBe(true);
  });
});
