/**
 * How much candidates are like a piece of code when both are read, whatever their languages. Terms count by how rare
 * they are among the candidates of one language (a keyword of a language is in all of them), and a candidate is
 * measured against others of its language: between languages, cosines say as much about the languages as about the code.
 * What is like the best candidates as well is so much more like it: one of them may be in a language nearer to it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { cancelled } from '../../../protocol/errors.ts';
import { shapeOf, Vocabulary, type Shape } from './code-shape.ts';
import { tokensOf } from './code-tokens.ts';
import type { ReadLines } from './read-lines.ts';
import { rank, type Scored, type Weights } from './ranker.ts';
import type { Judged } from './signals.ts';

/** Candidates that are read, the best by the other signals. */
const compared = 400;
/** Few candidates of a language count as if so many of all languages were among them. */
const borrowed = 10;
/** Half of a term's weight is reached when it occurs so often. */
const halfFrequency = 1.2;
/** Standard deviations above the mean that count as 1. */
const farthest = 10;
/** The best by all signals, and what being like one that is as much like the code as can be counts beside the code itself. */
const echo = { hits: 3, counts: 1 };
/** Files between two turns of the event loop. */
const atOnce = 10;

interface Read {
  one: Scored;
  language: string;
  shape: Shape;
}

/**
 * Candidates with the signals `alike` and `evenly`. Those that are not among the best, or are gone, keep 0.
 *
 * @param language of the code; one that is unknown where it was typed
 * @throws TiercelError `Cancelled`
 */
export async function comparedWith(
  { code, language }: { code: string; language: string },
  judged: readonly Judged[],
  weights: Weights,
  read: ReadLines,
  signal: AbortSignal,
): Promise<Judged[]> {
  const scored = rank(judged, { weights });
  const vocabulary = new Vocabulary();
  const own = shapeOf(tokensOf(code, language), vocabulary);
  const others: Read[] = [];
  const files = byFile(scored.slice(0, compared));
  for (let at = 0; at < files.length; at += atOnce) {
    if (signal.aborted) throw cancelled();
    await Promise.all(
      files.slice(at, at + atOnce).map(async ({ path, first, last, chunks }) => {
        const lines = await read(path, first, last);
        for (const one of chunks) {
          const { startLine, endLine, language: theirs } = one.judged.candidate.info;
          const text = lines.slice(startLine - first, endLine - first + 1).join('\n');
          others.push({ one, language: theirs, shape: shapeOf(tokensOf(text, theirs), vocabulary) });
        }
      }),
    );
    await nextTurn();
  }
  const evenly = standardised(
    others,
    others.map(({ one }) => one.score),
  ).map(({ mean }) => -mean);
  const compare = comparison(others);
  const alike = compare(own);
  const total = (at: number): number =>
    (others[at]?.one.score ?? 0) + (weights.alike ?? 0) * (alike[at] ?? 0) + (weights.evenly ?? 0) * (evenly[at] ?? 0);
  const best = [...others.keys()].sort((a, b) => total(b) - total(a)).slice(0, echo.hits);
  // What is not much like the code says nothing of it.
  const echoes = best.map((hit) => ({
    hit,
    counts: echo.counts * Math.max(0, alike[hit] ?? 0),
    alike: compare(others[hit]?.shape ?? new Map()),
  }));
  const echoed = (at: number): number => {
    let [sum, counts] = [alike[at] ?? 0, 1];
    for (const hit of echoes) {
      // Each is most like itself.
      if (hit.hit === at) continue;
      sum += hit.counts * (hit.alike[at] ?? 0);
      counts += hit.counts;
    }
    return sum / counts;
  };
  return [
    ...others.map(({ one }, at) => ({
      ...one.judged,
      signals: {
        ...one.judged.signals,
        alike: echoed(at),
        evenly: evenly[at] ?? 0,
      },
    })),
    ...scored.slice(compared).map((one) => one.judged),
  ];
}

interface FileOfChunks {
  path: string;
  first: number;
  last: number;
  chunks: Scored[];
}

/** So that each file is read once. */
function byFile(scored: readonly Scored[]): FileOfChunks[] {
  const files = new Map<string, FileOfChunks>();
  for (const one of scored) {
    const { path, startLine, endLine } = one.judged.candidate.info;
    const file = files.get(path) ?? { path, first: startLine, last: endLine, chunks: [] };
    file.first = Math.min(file.first, startLine);
    file.last = Math.max(file.last, endLine);
    file.chunks.push(one);
    files.set(path, file);
  }
  return [...files.values()];
}

/** How much each candidate is like a shape, from -1 to 1 among those of its language. */
function comparison(others: readonly Read[]): (shape: Shape) => number[] {
  const rarities = raritiesIn(others);
  return (shape) =>
    standardised(others, cosines(shape, others, rarities)).map(({ deviation }) =>
      Math.max(-1, Math.min(1, deviation / farthest)),
    );
}

/** By term. */
type Rarity = (term: number) => number;

/** By cosine of term weights: frequency, saturated, times rarity within the language. */
function cosines(own: Shape, others: readonly Read[], rarities: ReadonlyMap<string, Rarity>): number[] {
  const weights = new Map<number, number>();
  for (const [term, times] of own) {
    let sum = 0;
    for (const rarity of rarities.values()) sum += rarity(term);
    weights.set(term, (saturated(times) * sum) / Math.max(1, rarities.size));
  }
  return others.map(({ language, shape }) => {
    const rarity: Rarity = rarities.get(language) ?? (() => 0);
    let product = 0;
    let square = 0;
    for (const [term, times] of shape) {
      const weight = saturated(times) * rarity(term);
      product += weight * (weights.get(term) ?? 0);
      square += weight * weight;
    }
    return square === 0 ? 0 : product / Math.sqrt(square);
  });
}

const saturated = (times: number): number => times / (times + halfFrequency);

/** By language: BM25's inverse document frequency (Robertson and Zaragoza 2009) of a term among its candidates. */
function raritiesIn(others: readonly Read[]): Map<string, Rarity> {
  const byLanguage = new Map<string, { shapes: number; having: Map<number, number> }>();
  for (const { language, shape } of others) {
    const known = byLanguage.get(language) ?? { shapes: 0, having: new Map<number, number>() };
    byLanguage.set(language, known);
    known.shapes++;
    for (const term of shape.keys()) known.having.set(term, (known.having.get(term) ?? 0) + 1);
  }
  return new Map(
    [...byLanguage].map(([language, { shapes, having }]) => {
      const byCount = Float64Array.from({ length: shapes + 1 }, (_, n) => Math.log(1 + (shapes - n + 0.5) / (n + 0.5)));
      return [language, (term) => byCount[having.get(term) ?? 0] ?? 0] as const;
    }),
  );
}

interface Standard {
  /** Above the mean of all. */
  mean: number;
  /** Of the value from its language's mean, in standard deviations. */
  deviation: number;
}

function standardised(others: readonly Read[], values: readonly number[]): Standard[] {
  const all = momentsOf(values);
  const byLanguage = new Map<string, number[]>();
  others.forEach(({ language }, at) => {
    const list = byLanguage.get(language) ?? [];
    list.push(values[at] ?? 0);
    byLanguage.set(language, list);
  });
  const moments = new Map(
    [...byLanguage].map(([language, list]) => {
      const mean = (list.length * momentsOf(list).mean + borrowed * all.mean) / (list.length + borrowed);
      const spread = list.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      const deviation = Math.sqrt((spread + borrowed * all.variance) / (list.length + borrowed));
      return [language, { mean, deviation }] as const;
    }),
  );
  return others.map(({ language }, at) => {
    const { mean, deviation } = moments.get(language) ?? { mean: 0, deviation: 0 };
    return {
      mean: mean - all.mean,
      deviation: deviation === 0 ? 0 : ((values[at] ?? 0) - mean) / deviation,
    };
  });
}

function momentsOf(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length);
  return { mean, variance };
}
