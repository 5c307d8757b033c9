/** How likely an answer holds what was asked for: a logistic model over what its first hits have in common with the query. */
import type { Judged } from './signals.ts';
import type { QueryKind } from './understand.ts';
import learned from './confidence.json' with { type: 'json' };

/** Named numbers of an answer, absolute: they compare between queries and between repositories (docs/similar.md). */
export const answerFeatures = [
  'cosine',
  'margin',
  'covered',
  'fileCovered',
  'nameCovered',
  'symbolCovered',
  'symbolPrecision',
  'signatureCovered',
  'defines',
  'length',
] as const;
export type AnswerFeature = (typeof answerFeatures)[number];

interface Model {
  bias: number;
  weights: Readonly<Record<AnswerFeature, number>>;
  /** Below this confidence an answer is called no good match. */
  cut: number;
}

export interface Verdict {
  /** 0 to 1; absent where nothing was learned about such queries. */
  confidence?: number;
  goodMatch: boolean;
}

/** An answer is judged by its best hits: what stands further down is not seen as the answer. */
const judgedHits = 3;
const longestQuery = 12;

const models: Readonly<Record<'words' | 'symbol', Model>> = learned;

/**
 * @param first the best hits, in order
 * @param all every candidate of the query, against which the first ones must stand out
 * @param stems number of the query's words that carry meaning
 */
export function featuresOf(
  first: readonly Judged[],
  all: readonly Judged[],
  stems: number,
): Record<AnswerFeature, number> {
  const best = first.slice(0, judgedHits);
  const most = (value: (one: Judged) => number): number => Math.max(0, ...best.map(value));
  const cosines = all.flatMap(({ candidate }) => candidate.cosines.get('instant') ?? []);
  const average = cosines.reduce((sum, value) => sum + value, 0) / Math.max(1, cosines.length);
  const cosine = most(({ candidate }) => candidate.cosines.get('instant') ?? 0);
  return {
    cosine,
    margin: cosine - average,
    covered: most(({ signals }) => signals.covered),
    fileCovered: most(({ signals }) => signals.fileCovered),
    nameCovered: most(({ signals }) => signals.nameCovered),
    symbolCovered: most(({ signals }) => signals.symbolCovered),
    symbolPrecision: most(({ signals }) => signals.symbolPrecision),
    signatureCovered: most(({ signals }) => signals.signatureCovered),
    defines: most(({ signals }) => signals.defines),
    length: Math.min(stems, longestQuery) / longestQuery,
  };
}

export function modelFor(kind: QueryKind): 'words' | 'symbol' | undefined {
  if (kind === 'code' || kind === 'path') return undefined;
  return kind === 'symbol' ? 'symbol' : 'words';
}

export function verdictOn(
  first: readonly Judged[],
  all: readonly Judged[],
  { kind, stems }: { kind: QueryKind; stems: readonly string[] },
): Verdict {
  if (first.length === 0) return { goodMatch: false };
  const name = modelFor(kind);
  const known = all.some(({ candidate }) => candidate.text !== undefined && candidate.cosines.has('instant'));
  // What was learned holds for words and vectors together.
  if (name === undefined || !known) return { goodMatch: true };
  const { bias, weights, cut } = models[name];
  const features = featuresOf(first, all, stems.length);
  const sum = answerFeatures.reduce((total, feature) => total + weights[feature] * features[feature], bias);
  const confidence = 1 / (1 + Math.exp(-sum));
  return { confidence, goodMatch: confidence >= cut };
}
