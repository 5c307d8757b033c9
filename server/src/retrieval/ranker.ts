/**
 * The ranker: a hit's score is the sum of its signals, each times a weight that can be read and changed; where a
 * description says what is done, small trees add what depends on several signals together.
 */
import type { RankerName, SignalShare } from '../../../protocol/search.ts';
import type { Judged, SignalName } from './signals.ts';
import { treesScore, treesShares, type Trees } from './trees.ts';
import type { QueryKind, Understanding } from './understand.ts';
import learnedTrees from './trees-learned.json' with { type: 'json' };
import handWeights from './weights-hand.json' with { type: 'json' };
import learnedWeights from './weights-learned.json' with { type: 'json' };

/** Weights by signal; a signal that is not named counts nothing. */
export type Weights = Readonly<Partial<Record<SignalName, number>>>;

/** Weights by kind of query, and what a file's first chunk takes from its next ones. */
export interface WeightSet {
  /** Questions, topics, errors and paths. */
  words: Weights;
  /** Sentences that say what the code does: they look for a definition rather than for a file. */
  description: Weights;
  symbol: Weights;
  code: Weights;
  /** Words and descriptions where every candidate stands alone in its file: places and files say nothing there. */
  alone: Weights;
  repeated: Readonly<Record<WeightClass, number>>;
  /** What the instant lane counts where every candidate has a deep vector, as a share of what it counts without; not for code. */
  instantBesideDeep: number;
}

/** Trees by what was known of the candidates when they were learned. */
interface TreeSet {
  withoutDeep: Trees;
  /** Every candidate had a deep vector. */
  withDeep: Trees;
}

export type WeightClass = 'words' | 'description' | 'symbol' | 'code';

/** Trees, and how much of what they say counts. */
interface CountedTrees {
  trees: Trees;
  /** 0 to 1. */
  counts: number;
}

/** What a score is made of. */
export interface Scoring {
  weights: Weights;
  trees?: readonly CountedTrees[];
}

/** The weights of one query. */
export interface QueryWeights extends Required<Scoring> {
  /** What a file's first chunk takes from its next ones. */
  repeated: number;
}

/** Lexical and dense scores of the chunk alone: what the signals are measured against. */
const bare: WeightSet = {
  words: { chunk: 1, instant: 0.7, deep: 0.9 },
  description: { chunk: 1, instant: 0.7, deep: 0.9 },
  symbol: { chunk: 1, instant: 0.3, deep: 0.3 },
  code: { chunk: 1, instant: 1, deep: 1 },
  alone: { chunk: 1, instant: 0.7, deep: 0.9 },
  repeated: { words: 0, description: 0, symbol: 0, code: 0 },
  instantBesideDeep: 1,
};

const sets: Readonly<Record<RankerName, WeightSet>> = { learned: learnedWeights, hand: handWeights, off: bare };

/** Those of descriptions that say what is done; learned beside the learned weights, so no others have any. */
const treeSets: Readonly<Partial<Record<RankerName, TreeSet>>> = { learned: learnedTrees as unknown as TreeSet };

export function weightsOf(ranker: RankerName): WeightSet {
  return sets[ranker];
}

/** Which of the weights a kind of query has. */
function weightClassOf(kind: QueryKind): WeightClass {
  return kind === 'symbol' || kind === 'code' || kind === 'description' ? kind : 'words';
}

/** Shares of candidates without another of their file: below the first all is as in a repository, from the second on all alone. */
const [firstAlone, allAlone] = [0.5, 0.8];
/** Of fewer candidates the rest is taken for chunks that share a file: a few can be alone by chance. */
const leastCandidates = 20;

/** From 0, a repository, to 1, a heap of files that hold one function each: by the files of a query's candidates. */
export function aloneness(judged: readonly Judged[]): number {
  const byPath = new Map<string, number>();
  for (const { candidate } of judged) byPath.set(candidate.info.path, (byPath.get(candidate.info.path) ?? 0) + 1);
  const single = [...byPath.values()].filter((count) => count === 1).length;
  const share = single / Math.max(judged.length, leastCandidates);
  return Math.min(1, Math.max(0, (share - firstAlone) / (allAlone - firstAlone)));
}

/** The share of candidates that the deep lane has a vector of. */
export function deepShare(judged: readonly Judged[]): number {
  const known = judged.filter(({ candidate }) => candidate.cosines.has('deep')).length;
  return known / Math.max(1, judged.length);
}

/**
 * The weights for a query of a kind and its candidates: between those for repositories and those for what stands alone,
 * and less of the instant lane the more the deep lane knows, which says the same better.
 */
export function queryWeights(
  ranker: RankerName,
  { kind, describes }: Pick<Understanding, 'kind' | 'describes'>,
  judged: readonly Judged[],
): QueryWeights {
  const set = sets[ranker];
  const of = weightClassOf(kind);
  if (of === 'code') return { weights: set.code, trees: [], repeated: set.repeated.code };
  const alone = of === 'symbol' ? 0 : aloneness(judged);
  const deep = deepShare(judged);
  const instant = 1 - deep * (1 - set.instantBesideDeep);
  const names = new Set([...Object.keys(set[of]), ...Object.keys(set.alone)]) as Set<SignalName>;
  const mixed = [...names].map((name) => {
    const weight = (1 - alone) * (set[of][name] ?? 0) + alone * (set.alone[name] ?? 0);
    return [name, name.startsWith('instant') ? instant * weight : weight] as const;
  });
  const trees = describes === 'action' ? countedTrees(treeSets[ranker], alone, deep) : [];
  return { weights: Object.fromEntries(mixed), trees, repeated: (1 - alone) * set.repeated[of] };
}

/** Learned in repositories: they say nothing of what stands alone. */
function countedTrees(set: TreeSet | undefined, alone: number, deep: number): CountedTrees[] {
  if (set === undefined) return [];
  const { withDeep, withoutDeep } = set;
  return [
    { trees: withoutDeep, counts: (1 - alone) * (1 - deep) },
    { trees: withDeep, counts: (1 - alone) * deep },
  ].filter(({ counts }) => counts > 0);
}

export interface Scored {
  judged: Judged;
  score: number;
}

/** All candidates, best first, ties by id. */
export function rank(judged: readonly Judged[], { weights, trees = [] }: Scoring): Scored[] {
  const named = Object.entries(weights) as [SignalName, number][];
  const scoreOf = ({ signals }: Judged): number => {
    let score = 0;
    for (const [name, weight] of named) score += weight * signals[name];
    for (const { trees: some, counts } of trees) score += counts * treesScore(some, signals);
    return score;
  };
  return judged
    .map((one) => ({ judged: one, score: scoreOf(one) }))
    .sort((a, b) => b.score - a.score || a.judged.candidate.info.id - b.judged.candidate.info.id);
}

/**
 * Puts other files before a file's further chunks: they lose `repeated`, 1.5 times that from the third on, and never
 * more than twice.
 */
export function spread(scored: readonly Scored[], repeated: number): Scored[] {
  const before = new Map<string, number>();
  return scored
    .map((one) => {
      const { path } = one.judged.candidate.info;
      const times = before.get(path) ?? 0;
      before.set(path, times + 1);
      return { ...one, score: one.score - repeated * (1 - 0.5 ** times) * 2 };
    })
    .sort((a, b) => b.score - a.score || a.judged.candidate.info.id - b.judged.candidate.info.id);
}

/** Each signal's part in a score, the largest first; signals that add nothing are left out. */
export function sharesOf({ signals }: Judged, { weights, trees = [] }: Scoring): SignalShare[] {
  const added = new Map<SignalName, number>();
  for (const { trees: some, counts } of trees) {
    for (const [name, share] of treesShares(some, signals)) added.set(name, (added.get(name) ?? 0) + counts * share);
  }
  const names = new Set([...Object.keys(weights), ...added.keys()]) as Set<SignalName>;
  return [...names]
    .map((signal) => {
      const [value, weight, byTrees] = [signals[signal], weights[signal] ?? 0, added.get(signal) ?? 0];
      return { signal, value, weight, byTrees, share: weight * value + byTrees };
    })
    .filter(({ share, byTrees }) => share !== 0 || byTrees !== 0)
    .sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
}
