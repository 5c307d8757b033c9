/** From a place or a piece of code to code like it elsewhere: near in meaning, near in words, or a clone of it. */
import type { OnDemandReport, SimilarMark } from '../../../protocol/search.ts';
import { decodePayload } from '../store/payload.ts';
import type { ChunkInfo, Filter, VectorStore } from '../store/types.ts';
import { comparedWith } from './alike.ts';
import { gather, type Candidate, type Candidates } from './candidates.ts';
import { tokenKinds, tokensOf, type CodeToken } from './code-tokens.ts';
import { withOnDemand } from './on-demand.ts';
import { placeSignals } from './place-signals.ts';
import { rank, weightsOf, type Weights } from './ranker.ts';
import type { ReadLines } from './read-lines.ts';
import type { Ranked, RetrievalDeps } from './search.ts';
import { judge, type Judged } from './signals.ts';
import { gramsOf, sequenceHash, shareIn, similarity, type GramSet } from './token-grams.ts';
import { bareName, understoodAs } from './understand.ts';

export interface Place {
  path: string;
  startLine: number;
  endLine: number;
}

/** What others are compared with. */
export interface SimilarSource extends Place {
  /** Nested symbol path; empty for a selection outside of any. */
  symbol: string;
  /** The chunk's; `block` for a selection. */
  kind: string;
  language: string;
  /** As it stands in the file. */
  code: string;
  /** In the form in which chunks are embedded. */
  text: string;
  /** Whether it is a part of something: only its own runs of tokens have to be found then. */
  selected: boolean;
}

/** A hit before its lines are read. */
export interface SimilarRanked extends Ranked {
  similarity: number;
  marks: SimilarMark[];
}

export interface SimilarAnswer {
  hits: SimilarRanked[];
  timings: { embed: number; lexical: number; vector: number; fuse: number };
  absent: Candidates['absent'];
  onDemand?: OnDemandReport | undefined;
}

/** Candidates that are read and compared token by token, beyond those wanted. */
const readBeyond = 30;
/** From this share of common runs on, code was copied rather than written alike (docs/similar.md). */
export const nearClone = 0.7;
/** A mark on fewer different runs would say nothing. */
const fewestGrams = 12;
/** What tokens in common add, and another hit's language and a test take, of a score from 0 to 1. */
const adds = { tokens: 0.5, sameLanguage: 0.02, test: -0.15 };
/** Tokens add only from this share on: code of one language is that much alike by its grammar. */
const alikeByChance = 0.6;

/** The indexed chunk that a place is in: the shortest that contains its first line; undefined between chunks. */
export async function chunkAt(
  store: VectorStore,
  tree: string,
  place: Place,
): Promise<(Place & { symbol: string; kind: string }) | undefined> {
  const chunks = await store.chunks({ tree, path: place.path });
  const length = (chunk: ChunkInfo): number => chunk.endLine - chunk.startLine;
  const innermost = chunks
    .filter((chunk) => chunk.startLine <= place.startLine && place.startLine <= chunk.endLine)
    .sort((a, b) => length(a) - length(b))[0];
  if (innermost === undefined) return undefined;
  const { symbol, kind } = decodePayload(innermost.payload);
  return { path: place.path, startLine: innermost.startLine, endLine: innermost.endLine, symbol, kind };
}

/**
 * The `limit` chunks most like a source, best first, without those that overlap it. Its overloads and tests stand last;
 * they take at most a quarter of the places, and all that others leave.
 *
 * @throws TiercelError `Cancelled`
 */
export async function similarCode(
  { store, tree, lanes, patienceMs, absent: before = [] }: RetrievalDeps,
  source: SimilarSource,
  options: { limit: number; filter: Filter },
  read: ReadLines,
  signal: AbortSignal,
): Promise<SimilarAnswer> {
  const { limit, filter } = options;
  const asked = understoodAs('code', source.text);
  const gathered = await gather(
    store,
    {
      tree,
      text: source.text,
      embedded: source.text,
      role: 'similar',
      phrases: [],
      quiet: [],
      prefix: false,
      weights: asked.weights,
      filter,
      atLeast: limit + readBeyond,
      lexical: true,
      lanes,
      patienceMs,
    },
    signal,
  );
  const elsewhere = (some: Candidates): Judged[] => judge(some, asked, [], []).filter((one) => !isSource(one, source));
  const weights = weightsOf('learned').code;
  // Lanes that have no vectors count nothing, so that scores stay between 0 and 1.
  const counted = { ...weights, ...Object.fromEntries(absentLanes(gathered.spans).map((lane) => [lane, 0])) };
  const scoring = { weights: counted };
  const best = (some: Candidates): Candidate[] => rank(elsewhere(some), scoring).map((one) => one.judged.candidate);
  const { found, report } = await withOnDemand(gathered, best, signal);
  const start = performance.now();
  const known = await comparedWith(source, elsewhere(found), counted, read, signal);
  const most = mostOf(counted, known);
  const nearest = rank(known, scoring);
  const compare = comparison(source);
  const hits = await Promise.all(
    nearest.slice(0, limit + readBeyond).map(async ({ judged, score }) => {
      const { path, startLine, endLine } = judged.candidate.info;
      return compare(judged, Math.max(0, score) / most, (await read(path, startLine, endLine)).join('\n'));
    }),
  );
  const { timings } = found;
  const absent = [...before, ...found.absent];
  const embed = Math.max(timings.embed, report?.milliseconds ?? 0);
  const fuse = performance.now() - start;
  return { hits: ordered(hits, limit), timings: { ...timings, embed, fuse }, absent, onDemand: report };
}

/** What overlaps it, and other parts of a function that is cut into several. */
function isSource({ candidate: { info }, symbol, kind }: Judged, source: SimilarSource): boolean {
  if (info.path !== source.path) return false;
  if (info.startLine <= source.endLine && info.endLine >= source.startLine) return true;
  const parts = kind === 'block' || (source.kind === 'block' && !source.selected);
  return parts && symbol !== '' && symbol === source.symbol;
}

function absentLanes(spans: ReadonlyMap<string, unknown>): string[] {
  return ['instant', 'deep'].filter((lane) => !spans.has(lane));
}

/** What a candidate can reach; nothing is akin to another where hardly any is in another language. */
function mostOf(weights: Weights, judged: readonly Judged[]): number {
  const most = Object.values(weights).reduce((sum, weight) => sum + Math.max(0, weight), 0) - (weights.evenly ?? 0);
  return judged.some(({ signals }) => signals.akin > 0) ? most : most - (weights.akin ?? 0);
}

function comparison(source: SimilarSource): (judged: Judged, score: number, code: string) => SimilarRanked {
  const tokens = tokensOf(source.code, source.language);
  const grams = gramsOf(tokens, 'renamed');
  const same = sequenceHash(tokens, 'kept');
  const isTest = inTest(source);
  return (judged, score, code) => {
    const { symbol, kind } = judged;
    const { path, startLine, endLine, language } = judged.candidate.info;
    const theirs = tokensOf(code, language);
    const shared = likeness(source, grams, gramsOf(theirs, 'renamed'));
    const test = !isTest && inTest({ path, kind, language });
    const marks: SimilarMark[] = [];
    if (sequenceHash(theirs, 'kept') === same) marks.push('identical');
    else if (shared >= nearClone && grams.length >= fewestGrams) marks.push('near-clone');
    if (isOverload(source, { path, symbol, kind, language })) marks.push('overload');
    if (test && names(theirs, source.symbol)) marks.push('test');
    const total =
      score +
      (adds.tokens * Math.max(0, shared - alikeByChance)) / (1 - alikeByChance) +
      (language === source.language ? adds.sameLanguage : 0) +
      (test ? adds.test : 0);
    return { path, startLine, endLine, symbol, kind, language, score: total, similarity: shared, marks };
  };
}

function likeness({ selected }: SimilarSource, own: GramSet, theirs: GramSet): number {
  return selected ? Math.max(shareIn(own, theirs), similarity(own, theirs)) : similarity(own, theirs);
}

function inTest({ path, kind, language }: { path: string; kind: string; language: string }): boolean {
  return kind === 'test' || placeSignals(path, language).asides.test;
}

const overloaded = new Set(['function', 'method']);

/** The same name in the same class or folder: another signature of it, or its declaration. */
function isOverload(
  source: SimilarSource,
  hit: { path: string; symbol: string; kind: string; language: string },
): boolean {
  if (source.selected || source.kind === 'test' || !overloaded.has(hit.kind)) return false;
  if (hit.language !== source.language || folderOf(hit.path) !== folderOf(source.path)) return false;
  const theirs = new Set(lastNames(hit.symbol));
  return (
    outermost(hit.symbol) === outermost(source.symbol) && lastNames(source.symbol).some((name) => theirs.has(name))
  );
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** Last names of a symbol path and of the neighbours that share its chunk. */
function lastNames(symbol: string): string[] {
  return symbol
    .split(',')
    .map((path) => path.trim().split('.').at(-1) ?? '')
    .filter((name) => name !== '');
}

/** The class or module a symbol path begins with; for a lone name the name. */
function outermost(symbol: string): string {
  return symbol.split(/[.,]/u)[0] ?? '';
}

/** Whether code names what a symbol path defines. */
function names(tokens: readonly CodeToken[], symbol: string): boolean {
  const wanted = new Set(lastNames(symbol).map(bareName));
  return tokens.some(({ text, kind }) => kind === tokenKinds.name && wanted.has(bareName(text)));
}

function ordered(hits: readonly SimilarRanked[], limit: number): SimilarRanked[] {
  const sorted = hits.toSorted((a, b) => b.score - a.score);
  const aside = ({ marks }: SimilarRanked): boolean => marks.includes('overload') || marks.includes('test');
  const asides = sorted.filter(aside);
  const others = sorted.filter((hit) => !aside(hit));
  const kept = Math.max(limit - others.length, Math.min(asides.length, Math.floor(limit / 4)));
  return [...others.slice(0, limit - Math.min(kept, asides.length)), ...asides.slice(0, kept)].slice(0, limit);
}
