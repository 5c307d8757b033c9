import { describe, expect, it } from 'vitest';
import { answerFeatures, featuresOf, modelFor, verdictOn } from './confidence.ts';
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

function hit(cosine: number, signals: Partial<Signals> = {}): Judged {
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
    candidate: { info, text: noText, cosines: new Map([['instant', cosine]]) },
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
    const good = verdictOn([strong], [strong, weak], question);
    const poor = verdictOn([weak], [weak], question);
    expect(good.confidence).toBeGreaterThan(0.9);
    expect(poor.confidence).toBeLessThan(0.1);
    expect([good.goodMatch, poor.goodMatch]).toEqual([true, false]);
  });

  it('looks at the first three hits', () => {
    expect(featuresOf([weak, weak, strong], [weak, strong], 3).covered).toBe(1);
    expect(featuresOf([weak, weak, weak, strong], [weak, strong], 3).covered).toBe(0.1);
  });

  it('is not given where it was not learned', () => {
    for (const kind of ['code', 'path'] as const) {
      expect(modelFor(kind)).toBeUndefined();
      expect(verdictOn([weak], [weak], { kind, stems: [] })).toEqual({ goodMatch: true });
    }
    const bare = hit(0.1);
    const unseen = { ...bare, candidate: { ...bare.candidate, cosines: new Map<string, number>() } };
    expect(verdictOn([unseen], [unseen], question)).toEqual({ goodMatch: true });
    expect(verdictOn([], [], question)).toEqual({ goodMatch: false });
  });

  it('has a weight for every feature', () => {
    for (const { weights, cut } of Object.values(learned)) {
      expect(Object.keys(weights).sort()).toEqual([...answerFeatures].sort());
      expect(cut).toBeGreaterThan(0);
      expect(cut).toBeLessThan(1);
    }
  });
});
