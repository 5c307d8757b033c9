/** How likely an answer holds what was asked for: a logistic model over what its first hits have in common with the query. */
import { deepShare } from './ranker.ts';
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
  'pool',
] as const;
/** Those of the deep lane besides. */
export const deepAnswerFeatures = [...answerFeatures, 'deepCosine', 'deepMargin'] as const;
export type AnswerFeature = (typeof deepAnswerFeatures)[number];

interface Model {
  bias: number;
  weights: Readonly<Partial<Record<AnswerFeature, number>>>;
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
/** Candidates of a large folder; where there are fewer the best of them is less. */
const largestPool = 300;
/** Share of the candidates that the deep lane must know: the mean over a few that a search embedded is another one. */
const fullShare = 0.9;

type ModelName = 'words' | 'symbol' | 'wordsDeep';
const models: Readonly<Record<ModelName, Model>> = learned;

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
  const cosineIn = (lane: 'instant' | 'deep'): number => most(({ candidate }) => candidate.cosines.get(lane) ?? 0);
  const average = (lane: 'instant' | 'deep'): number => {
    const cosines = all.flatMap(({ candidate }) => candidate.cosines.get(lane) ?? []);
    return cosines.reduce((sum, value) => sum + value, 0) / Math.max(1, cosines.length);
  };
  const cosine = cosineIn('instant');
  const deepCosine = cosineIn('deep');
  return {
    cosine,
    margin: cosine - average('instant'),
    covered: most(({ signals }) => signals.covered),
    fileCovered: most(({ signals }) => signals.fileCovered),
    nameCovered: most(({ signals }) => signals.nameCovered),
    symbolCovered: most(({ signals }) => signals.symbolCovered),
    symbolPrecision: most(({ signals }) => signals.symbolPrecision),
    signatureCovered: most(({ signals }) => signals.signatureCovered),
    defines: most(({ signals }) => signals.defines),
    length: Math.min(stems, longestQuery) / longestQuery,
    pool: Math.log(1 + Math.min(all.length, largestPool)) / Math.log(1 + largestPool),
    deepCosine,
    deepMargin: deepCosine - average('deep'),
  };
}

/** The deep lane knows practically every candidate. */
export function knownToDeep(all: readonly Judged[]): boolean {
  return deepShare(all) >= fullShare;
}

export function modelFor(kind: QueryKind, deep: boolean): ModelName | undefined {
  if (kind === 'code' || kind === 'path') return undefined;
  if (kind === 'symbol') return 'symbol';
  return deep ? 'wordsDeep' : 'words';
}

export function verdictOn(
  first: readonly Judged[],
  all: readonly Judged[],
  { kind, stems }: { kind: QueryKind; stems: readonly string[] },
): Verdict {
  if (first.length === 0) return { goodMatch: false };
  const modelName = modelFor(kind, knownToDeep(all));
  const known = all.some(({ candidate }) => candidate.text !== undefined && candidate.cosines.has('instant'));
  // What was learned holds for words and vectors together.
  if (modelName === undefined || !known) return { goodMatch: true };
  const { bias, weights, cut } = models[modelName];
  const features = featuresOf(first, all, stems.length);
  const sum = deepAnswerFeatures.reduce((total, name) => total + (weights[name] ?? 0) * features[name], bias);
  const confidence = 1 / (1 + Math.exp(-sum));
  return { confidence, goodMatch: confidence >= cut };
}
