/**
 * The signals a hit is ranked by: named numbers, mostly from 0 to 1, computed for all candidates of a query together.
 * docs/ranking.md says what each means.
 */
import { decodePayload } from '../store/payload.ts';
import type { TextSignals } from '../store/types.ts';
import type { Candidate, Candidates } from './candidates.ts';
import { placeSignals, unasked, type PlaceSignals } from './place-signals.ts';
import { recencyOf, type RecentPaths } from './recency.ts';
import { asides, bareName, type Understanding } from './understand.ts';
import { shareOf, stemsOf } from './words.ts';

export const signalNames = [
  'chunk',
  'fileBest',
  'file',
  'body',
  'symbol',
  'doc',
  'covered',
  'fileCovered',
  'nameCovered',
  'namePrecision',
  'folderCovered',
  'instant',
  'instantRank',
  'instantFile',
  'deep',
  'deepRank',
  'deepFile',
  'defines',
  'definesExactly',
  'definesPart',
  'symbolPrecision',
  'symbolCovered',
  'ownerPrecision',
  'signatureCovered',
  'private',
  'definition',
  'type',
  'action',
  'thing',
  'piece',
  'window',
  ...asides,
  'entry',
  'declarations',
  'depth',
  'fileLength',
  'chunkLength',
  'language',
  'near',
  'recent',
  'alike',
  'evenly',
  'akin',
] as const;
export type SignalName = (typeof signalNames)[number];
export type Signals = Readonly<Record<SignalName, number>>;

/** A candidate as the ranker sees it. */
export interface Judged {
  candidate: Candidate;
  symbol: string;
  kind: string;
  signals: Signals;
}

/** Paths a person has open or visited last, latest first; relative to the folder. */
export type NearPaths = readonly string[];

/** Constant of the reciprocal rank. */
const rankConstant = 10;
const deepestPath = 8;
const longestFile = Math.log(20_000);
const longestChunk = 100;

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

export function judge(
  { candidates, spans }: Candidates,
  asked: Understanding,
  near: NearPaths,
  recent: RecentPaths,
): Judged[] {
  const most = mostOf(candidates);
  const instantSignals = denseSignals(candidates, 'instant', spans.get('instant'), undefined);
  const likely = spans.has('instant') ? instantSignals.map(({ own }) => own) : undefined;
  const deepSignals = denseSignals(candidates, 'deep', spans.get('deep'), likely);
  // A file has several candidates.
  const places = new Map<string, PlaceSignals>();
  return candidates.map((candidate, at) => {
    const { info, text = noText } = candidate;
    const { symbol, kind, signature } = decodePayload(info.payload);
    const place = places.get(info.path) ?? placeSignals(info.path, info.language);
    places.set(info.path, place);
    const aside = new Set(unasked(place, asked.wants));
    if (kind === 'test' && !asked.wants.has('test')) aside.add('test');
    const share = (name: keyof TextSignals): number => (most[name] > 0 ? text[name] / most[name] : 0);
    const instant = instantSignals[at] ?? noDense;
    const deep = deepSignals[at] ?? noDense;
    const defined = definedNames(symbol);
    const isFunction = kind === 'function' || kind === 'method';
    const isType = kind === 'class' || kind === 'type';
    const defining = kind !== 'block' && kind !== 'window';
    const name = stemsOf(defined[0] ?? '');
    const owner = stemsOf(symbol.split(',')[0]?.split('.').slice(0, -1).join(' ') ?? '');
    return {
      candidate,
      symbol,
      kind,
      signals: {
        chunk: share('score'),
        fileBest: share('fileBest'),
        file: share('file'),
        body: share('body'),
        symbol: share('symbol'),
        doc: share('doc'),
        covered: text.covered,
        fileCovered: text.fileCovered,
        nameCovered: text.nameCovered,
        namePrecision: text.namePrecision,
        folderCovered: text.folderCovered,
        instant: instant.own,
        instantRank: instant.rank,
        instantFile: instant.file,
        deep: deep.own,
        deepRank: deep.rank,
        deepFile: deep.file,
        defines: Number(defining && defined.some((one) => asked.identifiers.has(bareName(one)))),
        definesExactly: Number(defining && defined.some((one) => asked.spelled.has(one))),
        definesPart: Number(symbol.split(/[.,\s]+/u).some((name) => asked.identifiers.has(bareName(name)))),
        symbolPrecision: defining ? Math.max(...defined.map((one) => shareOf(stemsOf(one), asked.stems)), 0) : 0,
        symbolCovered: shareOf(asked.stems, name),
        ownerPrecision: shareOf(owner, asked.stems),
        signatureCovered: shareOf(asked.stems, stemsOf(signature)),
        private: Number(
          /^_|^#/u.test(defined[0] ?? '') || /\b(?:private|static|internal|local|defp)\b/u.test(signature),
        ),
        definition: Number(isFunction),
        type: Number(isType),
        action: Number(isFunction && asked.describes === 'action'),
        thing: Number(isType && asked.describes === 'thing'),
        piece: Number(kind === 'block'),
        window: Number(kind === 'window' || kind === 'module'),
        test: Number(aside.has('test')),
        example: Number(aside.has('example')),
        prose: Number(aside.has('prose')),
        data: Number(aside.has('data')),
        generated: Number(aside.has('generated')),
        vendored: Number(aside.has('vendored')),
        compat: Number(aside.has('compat')),
        entry: Number(place.entry),
        declarations: Number(place.declarations),
        depth: Math.min(place.depth, deepestPath) / deepestPath,
        fileLength: Math.min(Math.log(1 + text.fileTokens) / longestFile, 1),
        chunkLength: Math.min((info.endLine - info.startLine + 1) / longestChunk, 1),
        language: Number(asked.languages.has(info.language)),
        near: nearness(info.path, near),
        recent: recencyOf(info.path, recent),
        // Only what is read has these (alike.ts, akin.ts).
        alike: 0,
        evenly: 0,
        akin: 0,
      },
    };
  });
}

/** The largest value of each lexical signal: scores are comparable within one query only. */
function mostOf(candidates: readonly Candidate[]): TextSignals {
  const most = { ...noText };
  for (const { text } of candidates) {
    if (text === undefined) continue;
    for (const name of Object.keys(most) as (keyof TextSignals)[]) most[name] = Math.max(most[name], text[name]);
  }
  return most;
}

interface Dense {
  own: number;
  rank: number;
  file: number;
}

const noDense: Dense = { own: 0, rank: 0, file: 0 };

/**
 * Cosines between the lane's last own candidate (0) and its best (1). A chunk that has no vector yet is taken for what
 * is likely by another lane, else for an average candidate, so that a lane that is half filled neither lifts nor sinks
 * what it has not seen. An average alone would: vectors that searches leave are of other questions' answers.
 */
function denseSignals(
  candidates: readonly Candidate[],
  lane: string,
  span: { best: number; last: number } | undefined,
  likely: readonly number[] | undefined,
): Dense[] {
  if (span === undefined) return candidates.map(() => noDense);
  const width = Math.max(span.best - span.last, 1e-6);
  const known = candidates.map(({ cosines }) => cosines.get(lane));
  const scaled = known.map((cosine) =>
    cosine === undefined ? undefined : Math.max(-1, Math.min(1, (cosine - span.last) / width)),
  );
  const values = scaled.filter((value) => value !== undefined);
  const average = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const own = (at: number): number => scaled[at] ?? likely?.[at] ?? average;
  const order = known
    .map((cosine, at) => ({ cosine, at }))
    .filter(({ cosine }) => cosine !== undefined)
    .sort((a, b) => (b.cosine ?? 0) - (a.cosine ?? 0));
  const ranks = new Map(order.map(({ at }, rank) => [at, rank]));
  const byFile = new Map<string, number[]>();
  candidates.forEach(({ info }, at) => {
    const list = byFile.get(info.path) ?? [];
    list.push(own(at));
    byFile.set(info.path, list);
  });
  const ofFile = new Map([...byFile].map(([path, list]) => [path, topThree(list)]));
  return candidates.map(({ info }, at) => {
    const rank = ranks.get(at);
    return {
      own: own(at),
      rank: rank === undefined ? 0 : rankConstant / (rankConstant + rank),
      file: ofFile.get(info.path) ?? 0,
    };
  });
}

/** Mean of the three best, missing ones counted as 0. */
function topThree(values: readonly number[]): number {
  const best = values.toSorted((a, b) => b - a).slice(0, 3);
  return best.reduce((sum, value) => sum + Math.max(0, value), 0) / 3;
}

/** Names a chunk defines: the last name of its symbol path, and the neighbours that share the chunk. */
function definedNames(symbol: string): string[] {
  const [first = '', ...others] = symbol.split(',').map((name) => name.trim());
  return [first.split('.').at(-1) ?? '', ...others.map((name) => name.split('.').at(-1) ?? '')].filter(
    (name) => name !== '',
  );
}

/** 1 for a file that is open, less for its neighbours: the share of folders both are in. */
function nearness(path: string, near: NearPaths): number {
  const folders = path.split('/');
  const shares = near.map((other) => {
    if (other === path) return 1;
    const theirs = other.split('/');
    let shared = 0;
    while (shared < folders.length - 1 && folders[shared] === theirs[shared]) shared++;
    return (0.5 * shared) / Math.max(folders.length - 1, theirs.length - 1, 1);
  });
  return Math.max(0, ...shares);
}
