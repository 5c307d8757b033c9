import { expect, test } from 'vitest';
import type { Embedder } from '../inference/types.ts';
import { encodePayload } from '../store/payload.ts';
import type { Candidate, Candidates } from './candidates.ts';
import { withOnDemand, type OnDemand } from './on-demand.ts';
import { judge } from './signals.ts';
import { understand } from './understand.ts';

const { signal } = new AbortController();
const embedder: Embedder = {
  model: { id: 'm', dimension: 2, licence: '' },
  device: 'cpu',
  embed: () => Promise.resolve(Float32Array.of(1, 0)),
  close: () => Promise.resolve(),
};

function candidate(id: number, cosines: Record<string, number>): Candidate {
  const payload = encodePayload({ symbol: `s${String(id)}`, kind: 'function', signature: '' });
  const place = { path: `f${String(id)}.ts`, language: 'typescript', startLine: 1, endLine: 9 };
  return {
    info: { id, ...place, key: new Uint8Array(16), payload },
    text: undefined,
    cosines: new Map(Object.entries(cosines)),
  };
}

/** Candidates 1 to 4, nearest first by the instant lane; the deep lane has seen what is said. */
function found(onDemand: OnDemand, deep: Record<number, number>): Candidates {
  const candidates = [0.9, 0.7, 0.5, 0.1].map((instant, at) =>
    candidate(at + 1, { instant, ...(deep[at + 1] === undefined ? {} : { deep: deep[at + 1] ?? 0 }) }),
  );
  const lane = { name: 'deep', embedder, space: 'deep:m', onDemand };
  return {
    candidates,
    spans: new Map([
      ['instant', { best: 0.9, last: 0.1 }],
      ['deep', { best: 0.2, last: 0.2 }],
    ]),
    asked: [{ lane, vectors: Float32Array.of(1, 0), embedMs: 5 }],
    absent: [],
    timings: { embed: 5, lexical: 0, vector: 0 },
  };
}

const deepOf = (some: Candidates): number[] =>
  judge(some, understand('how are sessions signed'), [], []).map(({ signals }) => signals.deep);

test('embeds the best that have no vector, in their order, within what embedding the question has left', async () => {
  const asked: { ids: number[]; ms: number }[] = [];
  const onDemand: OnDemand = {
    budgetMs: 80,
    candidates: 3,
    vectorsOf: (chunks, ms) => {
      asked.push({ ids: chunks.map(({ id }) => id), ms });
      return Promise.resolve({ vectors: new Map([[3, Float32Array.of(0.8, 0.6)]]), embedded: 1 });
    },
  };
  const best = (some: Candidates): Candidate[] => some.candidates.toReversed();
  const { found: after, report } = await withOnDemand(found(onDemand, { 2: 0.6 }), best, signal);
  expect(asked).toEqual([{ ids: [4, 3], ms: 75 }]);
  expect(report).toMatchObject({ candidates: 3, compared: 2, embedded: 1, device: 'cpu' });
  expect(after.candidates[2]?.cosines.get('deep')).toBeCloseTo(0.8);
  // .8 is the best; .25 below it would be the 120th.
  const [, second, third] = deepOf(after);
  expect(third).toBeCloseTo(1);
  expect(second).toBeCloseTo(0.2);
});

test('what has no vector counts as for the other lane, whatever the vectors that are there', async () => {
  const nothing: OnDemand = {
    budgetMs: 80,
    candidates: 4,
    vectorsOf: () => Promise.resolve({ vectors: new Map(), embedded: 0, note: 'a reason' }),
  };
  const { found: after, report } = await withOnDemand(
    found(nothing, { 4: 0.2 }),
    ({ candidates }) => candidates,
    signal,
  );
  expect(report).toMatchObject({ embedded: 0, compared: 1, note: 'a reason' });
  const deep = deepOf(after);
  [1, 0.75, 0.5, 1].forEach((value, at) => {
    expect(deep[at]).toBeCloseTo(value);
  });
});

test('a lane that is complete is left as it is', async () => {
  const whole = found({ budgetMs: 0, candidates: 0, vectorsOf: () => Promise.reject(new Error('not asked')) }, {});
  const asked = whole.asked.map(({ lane: { name, space }, ...rest }) => ({ ...rest, lane: { name, space, embedder } }));
  const complete = { ...whole, asked };
  expect(await withOnDemand(complete, () => [], signal)).toEqual({ found: complete });
});
