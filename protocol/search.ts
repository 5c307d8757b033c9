/** Search and similar-code: what a client asks and what it gets. Lines are 1-based and inclusive, paths use `/`. */
import { z } from 'zod';

/** How long a search waits for a model that is not in memory, unless it says otherwise. Nobody notices that. */
export const defaultPatienceMs = 150;

const patience = z.int().min(0).max(600_000).default(defaultPatienceMs);

/** Longest time budget for embedding candidates of one search, milliseconds. */
export const mostOnDemandMs = 10_000;
const onDemandMs = z.int().min(0).max(mostOnDemandMs);

/** What a search can ask: words, and the vectors of each model. */
export const laneNames = ['lexical', 'instant', 'deep'] as const;
export type LaneName = (typeof laneNames)[number];

/** How hits are put in order: by learned weights, by weights set by hand, or by the lanes' scores alone. */
export const rankerNames = ['learned', 'hand', 'off'] as const;
export type RankerName = (typeof rankerNames)[number];

export const searchParamsSchema = z.object({
  /** Absolute path of the indexed folder. */
  folder: z.string().min(1),
  query: z.string().max(20_000),
  limit: z.int().min(1).max(1000).default(10),
  /** Language ids (`typescript`, `python`, …); empty or absent means all. */
  languages: z.array(z.string()).optional(),
  /** Globs over the path relative to the folder; a hit must match one. */
  paths: z.array(z.string()).optional(),
  /**
   * Milliseconds the answer may wait for the deep lane's model to be loaded; without it the answer comes from the other
   * lanes and says so.
   */
  patienceMs: patience,
  /** Put the best hits in order by the reranker of the settings, or by the deep lane's model when none is set. */
  rerank: z.boolean().optional(),
  /**
   * Milliseconds the answer may take to embed the best candidates that have no deep vector yet; 0: none are; absent: as
   * the settings say.
   */
  onDemandMs: onDemandMs.optional(),
  /** Lanes to ask; absent: all there are. */
  lanes: z.array(z.enum(laneNames)).min(1).optional(),
  ranker: z.enum(rankerNames).default('learned'),
  /** Say for every hit what each signal adds to its score. */
  explain: z.boolean().optional(),
  /** Paths relative to the folder that are open or were visited last, latest first: what is near them comes a little earlier. */
  near: z.array(z.string()).max(50).optional(),
  /** Give hits whose text is the same, or nearly, once; the others are in `folded` of the first. */
  fold: z.boolean().default(false),
});
export type SearchParams = z.input<typeof searchParamsSchema>;

export const similarParamsSchema = z.object({
  folder: z.string().min(1),
  /** Path of the file, absolute or relative to `folder`. */
  path: z.string().min(1),
  /** The place: the innermost chunk that contains `startLine`, or exactly the lines given when `endLine` is there too. */
  startLine: z.int().min(1),
  endLine: z.int().min(1).optional(),
  /** The selected text as it stands in the editor; read from the file when absent. */
  text: z.string().max(200_000).optional(),
  limit: z.int().min(1).max(1000).default(10),
  languages: z.array(z.string()).optional(),
  paths: z.array(z.string()).optional(),
  patienceMs: patience,
  onDemandMs: onDemandMs.optional(),
});
export type SimilarParams = z.input<typeof similarParamsSchema>;

export interface SearchHit {
  path: string;
  startLine: number;
  endLine: number;
  /** Nested symbol path, `Router.register`; empty for top-level code. */
  symbol: string;
  kind: string;
  language: string;
  /** Larger is better; comparable within one answer only. */
  score: number;
  /** Lines around what matched, at most twelve. */
  snippet: string;
  /** Line of the file that the snippet begins with. */
  snippetLine: number;
  /** Where the query's words stand in the snippet, in order; none overlap. */
  highlights: TextRange[];
  /** With `fold`: other places whose text is the same, or nearly. */
  folded?: FoldedPlace[];
  /** With `explain`: what each signal adds to the score, the largest first (docs/ranking.md). */
  why?: SignalShare[];
}

/** A part of one line: `line` as in the file, columns in UTF-16 code units from 0 on, `end` exclusive. */
export interface TextRange {
  line: number;
  start: number;
  end: number;
}

export interface FoldedPlace {
  path: string;
  startLine: number;
  endLine: number;
  symbol: string;
}

/**
 * What a hit is besides similar. `identical`: token by token the same but for comments; `near-clone`: most of its tokens
 * are in the same order, whatever its names; `overload`: defines the same name beside it; `test`: a test that names it.
 */
export const similarMarks = ['identical', 'near-clone', 'overload', 'test'] as const;
export type SimilarMark = (typeof similarMarks)[number];

export interface SimilarHit extends SearchHit {
  /** Share of its runs of tokens that are in the source too, 0 to 1, whatever the names (docs/similar.md). */
  similarity: number;
  marks: SimilarMark[];
}

/** A signal's part in a score: `share` is `weight * value`. */
export interface SignalShare {
  signal: string;
  value: number;
  weight: number;
  /** What the signal adds where several count together: in trees rather than by its weight. */
  byTrees: number;
  /** `value` times `weight`, and `byTrees`. */
  share: number;
}

/** Milliseconds spent in each stage of a query. */
export interface SearchTimings {
  total: number;
  embed: number;
  lexical: number;
  vector: number;
  fuse: number;
  read: number;
}

/** How much of the folder each lane has seen, 0 to 1. A lane that is off is absent. */
export interface Coverage {
  /** Share of the known files whose chunks are in the lexical index. */
  lexical: number;
  /** Share of the chunks with a vector, per lane. */
  instant: number;
  deep?: number;
  /** In place of `deep` where nothing is embedded ahead: the share of the chunks that searches have left a vector of. */
  onDemand?: number;
  /** Of the model that was chosen meanwhile; until it is complete the one before answers, which `deep` is about. */
  next?: number;
  /** Files that are known to differ from what is indexed; absent when there are none. */
  pendingFiles?: number;
}

/** A lane that has vectors and was not asked. */
export interface AbsentLane {
  lane: string;
  /** For a person. */
  reason: string;
}

/** What a search did about candidates without a deep vector, where the lane is not complete. */
export interface OnDemandReport {
  model: string;
  device: string;
  /** Candidates looked at: the best by the other lanes. */
  candidates: number;
  /** Of these, those that have a vector now, and those that were embedded for this search. */
  compared: number;
  embedded: number;
  milliseconds: number;
  /** Why not more were embedded, where it was not the time. */
  note?: string;
}

/** What the reranker did in its time. */
export interface RerankReport {
  model: string;
  device: string;
  /** Candidates it scored, the best first, of those it was given. */
  scored: number;
  candidates: number;
  milliseconds: number;
  /** Why it did nothing. */
  note?: string;
}

export interface SearchResult {
  query: string;
  hits: SearchHit[];
  /**
   * How likely one of the first hits answers the query, 0 to 1 (docs/similar.md); absent where that was not learned: for
   * code, paths, and without the instant lane.
   */
  confidence?: number;
  /** False: the confidence is so low that the hits are noise, most likely. */
  goodMatch: boolean;
  timings: SearchTimings;
  coverage: Coverage;
  absent?: AbsentLane[];
  /** Only where candidates without a deep vector may be embedded by a search. */
  onDemand?: OnDemandReport;
  /** Only when a reranker was wanted. */
  rerank?: RerankReport;
}

export interface SimilarResult {
  absent?: AbsentLane[];
  onDemand?: OnDemandReport;
  /** What was compared. */
  source: { path: string; startLine: number; endLine: number; symbol: string };
  /** Overloads and tests of the source stand last. */
  hits: SimilarHit[];
  timings: SearchTimings;
  coverage: Coverage;
}
