import { describe, expect, it } from 'vitest';
import { answerFeatures, deepAnswerFeatures, featuresOf, knownToDeep, modelFor, verdictOn } from './confidence.ts';
import learned from './confidence.json' with { type: 'json' };
import { signalNames, type Judged, type Signals } from './signals.ts';
import type { TextSignals } from '../store/types.ts';

const noText: TextSignals = {
  score: 0,
  body: 0,
  symbol: 0,
  doc: 0,
  covered: 0,
  file: 0,
  fileBest: 0,
  fileCovered: 0,
  nameCovered: 0,
  namePrecision: 0,
  folderCovered: 0,
  fileTokens: 0,
};

function hit(cosine: number, signals: Partial<Signals> = {}, deep?: number): Judged {
  const zero = Object.fromEntries(signalNames.map((name) => [name, 0])) as unknown as Signals;
  const info = {
    id: 1,
    path: 'a.ts',
    language: 'typescript',
    startLine: 1,
    endLine: 2,
    key: new Uint8Array(16),
    payload: new Uint8Array(),
  };
  return {
    candidate: {
      info,
      text: noText,
      cosines: new Map([['instant', cosine], ...(deep === undefined ? [] : [['deep', deep] as const])]),
    },
    symbol: '',
    kind: 'function',
    signals: { ...zero, ...signals },
  };
}

const question = { kind: 'question' as const, stems: ['rat', 'limit', 'client'] };
const strong = hit(0.7, { covered: 1, fileCovered: 1, symbolCovered: 0.7 });
const weak = hit(0.2, { covered: 0.1 });

describe('confidence', () => {
  it('is high for what fits and low for what does not, and the verdict follows', () => {
    const many = Array.from({ length: 200 }, () => weak);
    const good = verdictOn([strong], [strong, ...many], question);
    const poor = verdictOn([weak], many, question);
    expect(good.confidence).toBeGreaterThan(0.9);
    expect(poor.confidence).toBeLessThan(0.1);
    expect([good.goodMatch, poor.goodMatch]).toEqual([true, false]);
  });

  it('asks for less where there is little to choose from', () => {
    const some = hit(0.4, { covered: 0.6, fileCovered: 0.6 });
    const among = (others: number) =>
      verdictOn([some], [some, ...Array.from({ length: others }, () => weak)], question).confidence ?? NaN;
    expect(among(20)).toBeGreaterThan(among(400));
    expect(among(400)).toBeCloseTo(among(1000), 2);
  });

  it('looks at the first three hits', () => {
    expect(featuresOf([weak, weak, strong], [weak, strong], 3).covered).toBe(1);
    expect(featuresOf([weak, weak, weak, strong], [weak, strong], 3).covered).toBe(0.1);
  });

  it('is not given where it was not learned', () => {
    for (const kind of ['code', 'path'] as const) {
      for (const deep of [false, true]) expect(modelFor(kind, deep)).toBeUndefined();
      expect(verdictOn([weak], [weak], { kind, stems: [] })).toEqual({ goodMatch: true });
    }
    const bare = hit(0.1);
    const unseen = { ...bare, candidate: { ...bare.candidate, cosines: new Map<string, number>() } };
    expect(verdictOn([unseen], [unseen], question)).toEqual({ goodMatch: true });
    expect(verdictOn([], [], question)).toEqual({ goodMatch: false });
  });

  it('counts the deep lane where that knows nine of ten candidates, and is learned anew for it', () => {
    const known = hit(0.4, { covered: 0.6, fileCovered: 0.6 }, 0.8);
    const unlike = hit(0.4, { covered: 0.6, fileCovered: 0.6 }, 0.1);
    const unknown = hit(0.1);
    const nine = (first: Judged): Judged[] => [first, ...Array.from({ length: 8 }, () => hit(0.1, {}, 0.1)), unknown];
    expect(knownToDeep(nine(known))).toBe(true);
    expect(knownToDeep([...nine(known), unknown])).toBe(false);
    expect(modelFor('question', true)).toBe('wordsDeep');
    const confidence = (first: Judged, all: Judged[]): number => verdictOn([first], all, question).confidence ?? NaN;
    expect(confidence(known, nine(known))).toBeGreaterThan(confidence(unlike, nine(unlike)) + 0.3);
    // A few candidates embedded for this search say nothing of how far the first stands out.
    const few = [known, unknown, unknown];
    expect(confidence(known, few)).toBe(confidence(unlike, [unlike, unknown, unknown]));
  });

  it('has a weight for every feature, as far as its answers have them', () => {
    expect(Object.keys(learned.words.weights).sort()).toEqual([...answerFeatures].sort());
    expect(Object.keys(learned.wordsDeep.weights).sort()).toEqual([...deepAnswerFeatures].sort());
    for (const { weights, cut } of Object.values(learned)) {
      expect(deepAnswerFeatures).toEqual(expect.arrayContaining(Object.keys(weights)));
      expect(cut).toBeGreaterThan(0);
      expect(cut).toBeLessThan(1);
    }
  });
});
