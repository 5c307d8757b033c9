/** A question's way: understood, candidates from all lanes, judged by their signals, ranked, spread over files. */
import { basename } from 'node:path';
import type {
  AbsentLane,
  LaneName,
  OnDemandReport,
  RankerName,
  SearchHit,
  SearchTimings,
} from '../../../protocol/search.ts';
import type { Filter, RankedStore } from '../store/types.ts';
import { akinToBest } from './akin.ts';
import { comparedWith } from './alike.ts';
import type { SearchLane } from './ask-lane.ts';
import { gather, type Candidate, type Candidates } from './candidates.ts';
import { verdictOn, type Verdict } from './confidence.ts';
import { narrowed, parseQuery } from './filters.ts';
import { withOnDemand } from './on-demand.ts';
import type { RecentPaths } from './recency.ts';
import { queryWeights, rank, sharesOf, spread, type Scored } from './ranker.ts';
import type { ReadLines } from './read-lines.ts';
import { judge, type Judged, type NearPaths } from './signals.ts';
import type { Terms } from './snippet.ts';
import { understand, type Understanding } from './understand.ts';

export interface RetrievalDeps {
  store: RankedStore;
  tree: string;
  lanes: SearchLane[];
  /** Lanes that were to be asked and cannot be. */
  absent?: readonly AbsentLane[];
  /** How long a model that is not in memory is waited for, milliseconds. */
  patienceMs: number;
}

/** How a search may differ from the usual. */
export interface SearchOptions {
  limit: number;
  filter: Filter;
  /** Lanes to ask; absent: all there are. */
  lanes?: readonly LaneName[] | undefined;
  ranker?: RankerName | undefined;
  /** Whether hits say what each signal adds to their score. */
  explain?: boolean | undefined;
  near?: NearPaths | undefined;
  recent?: RecentPaths | undefined;
}

/** A hit before its lines are read. */
export type Ranked = Omit<SearchHit, 'snippet' | 'snippetLine' | 'highlights' | 'folded'>;

export interface Answer {
  hits: Ranked[];
  /** Whether one of the first hits is likely what was asked for. */
  verdict: Verdict;
  /** What the query looks for, to be shown in the hits. */
  terms: Terms;
  timings: Omit<SearchTimings, 'total' | 'read'>;
  /** Lanes that were left out, and why. */
  absent: AbsentLane[];
  onDemand?: OnDemandReport | undefined;
}

/** A filter by kind is applied to the candidates: so many more of them are looked at. */
const candidatesOfKind = 1000;

/** What a query asks, and every chunk that may answer it with its signals, in no order. */
export interface JudgedQuery {
  asked: Understanding;
  phrases: string[];
  judged: Judged[];
  absent: AbsentLane[];
  onDemand?: OnDemandReport | undefined;
  timings: { embed: number; lexical: number; vector: number };
}

/** What was typed has no language that is known. */
const unknownLanguage = '';

/** The best chunks for a question, a symbol, an error message, a path or a piece of code; an empty query has none. */
export async function searchCode(
  deps: RetrievalDeps,
  query: string,
  options: SearchOptions,
  read: ReadLines,
  signal: AbortSignal,
): Promise<Answer> {
  const start = performance.now();
  const found = await candidatesFor(deps, query, options, signal);
  const { asked, phrases, timings, absent, onDemand } = found;
  const judged = await readWhereItPays(found, options, read, signal);
  const { hits, first } = ranked(judged, asked, options);
  const verdict = verdictOn(first, judged, asked);
  const waited = timings.embed + timings.lexical + timings.vector;
  const fuse = Math.max(0, performance.now() - start - waited);
  return { hits, verdict, terms: { stems: asked.stems, phrases }, timings: { ...timings, fuse }, absent, onDemand };
}

/** Candidates are read where the weights ask for what only reading tells: for code, and where functions stand alone. */
async function readWhereItPays(
  { judged, asked }: JudgedQuery,
  { ranker = 'learned' }: SearchOptions,
  read: ReadLines,
  signal: AbortSignal,
): Promise<Judged[]> {
  const scoring = queryWeights(ranker, asked, judged);
  const { alike = 0, akin = 0 } = scoring.weights;
  if (asked.kind === 'code' && alike > 0) {
    const source = { code: asked.topic, language: unknownLanguage };
    return comparedWith(source, judged, scoring.weights, read, signal);
  }
  return akin > 0 ? akinToBest(judged, scoring, read, signal) : judged;
}

/** @throws TiercelError `FixTheCall` for a filter that is none, `Cancelled` */
export async function candidatesFor(
  { store, tree, lanes, patienceMs, absent = [] }: RetrievalDeps,
  query: string,
  options: Omit<SearchOptions, 'explain'>,
  signal: AbortSignal,
): Promise<JudgedQuery> {
  const parsed = parseQuery(query);
  const { text, phrases, kinds, excludedKinds } = parsed;
  const asked = understand(text);
  if (text.trim() === '')
    return { asked, phrases, judged: [], absent: [], timings: { embed: 0, lexical: 0, vector: 0 } };
  const lexical = options.lanes?.includes('lexical') ?? true;
  const wants = (name: string): boolean => options.lanes?.some((lane) => lane === name) ?? true;
  const byKind = kinds.length > 0 || excludedKinds.length > 0;
  const found = await gather(
    store,
    {
      tree,
      text,
      role: 'query',
      phrases,
      embedded: asked.topic,
      quiet: asked.kind === 'symbol' || asked.kind === 'code' ? [] : [...nameWords(tree), ...asked.languageWords],
      prefix: asked.prefix,
      weights: asked.weights,
      filter: narrowed(options.filter, parsed),
      atLeast: byKind ? candidatesOfKind : options.limit,
      lexical,
      lanes: lanes.filter(({ name }) => wants(name)),
      patienceMs,
    },
    signal,
  );
  const passes = ({ kind, candidate }: Judged): boolean =>
    (kinds.length === 0 || kinds.includes(kind)) &&
    !excludedKinds.includes(kind) &&
    // Only the lexical index knows phrases.
    (phrases.length === 0 || !lexical || candidate.text !== undefined);
  const judged = (some: Candidates): Judged[] =>
    judge(some, asked, options.near ?? [], options.recent ?? []).filter(passes);
  const best = (some: Candidates): Candidate[] => {
    const of = judged(some);
    const scoring = queryWeights(options.ranker ?? 'learned', asked, of);
    return rank(of, scoring).map((one) => one.judged.candidate);
  };
  const completed = await withOnDemand(found, best, signal);
  const { timings } = found;
  return {
    asked,
    phrases,
    judged: judged(completed.found),
    absent: [...absent.filter(({ lane }) => wants(lane)), ...found.absent],
    onDemand: completed.report,
    timings: { ...timings, embed: Math.max(timings.embed, completed.report?.milliseconds ?? 0) },
  };
}

/** Candidates in order, as hits and as what is known of them. */
export function ranked(
  judged: readonly Judged[],
  asked: Understanding,
  options: SearchOptions,
): { hits: Ranked[]; first: Judged[] } {
  const scoring = queryWeights(options.ranker ?? 'learned', asked, judged);
  const spreadOut = spread(rank(judged, scoring), scoring.repeated);
  const best = spreadOut.slice(0, options.limit);
  const hits = best.map((one) => ({
    ...placed(one),
    ...(options.explain === true ? { why: sharesOf(one.judged, scoring) } : {}),
  }));
  return { hits, first: best.map(({ judged: one }) => one) };
}

function placed({ judged: { candidate, symbol, kind }, score }: Scored): Ranked {
  const { path, startLine, endLine, language } = candidate.info;
  return { path, startLine, endLine, symbol, kind, language, score };
}

/** The words of a repository's name: they are in half of its files. */
function nameWords(tree: string): string[] {
  const name = basename(tree);
  return [name, ...name.split(/[^\p{L}\p{N}]+/u)].filter((word) => word.length > 1);
}
