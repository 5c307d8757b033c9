/**
 * Candidates that are read, and how much each is like a piece of code, whatever their languages. Terms count by how rare
 * they are among the candidates of one language (a keyword of a language is in all of them), and a candidate is
 * measured against others of its language: between languages, cosines say as much about the languages as about the code.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { cancelled } from '../../../protocol/errors.ts';
import { shapeOf, type Shape, type Vocabulary } from './code-shape.ts';
import { tokensOf } from './code-tokens.ts';
import type { ReadLines } from './read-lines.ts';
import type { Scored } from './ranker.ts';
import type { Judged, Signals } from './signals.ts';

/** Few candidates of a language count as if so many of all languages were among them. */
const borrowed = 10;
/** Half of a term's weight is reached when it occurs so often. */
const halfFrequency = 1.2;
/** Standard deviations above the mean that count as 1. */
const farthest = 10;
/** Files between two turns of the event loop. */
const atOnce = 10;

export interface Read {
  one: Scored;
  language: string;
  shape: Shape;
}

/**
 * In no order.
 *
 * @throws TiercelError `Cancelled`
 */
export async function readShapes(
  scored: readonly Scored[],
  vocabulary: Vocabulary,
  read: ReadLines,
  signal: AbortSignal,
): Promise<Read[]> {
  const found: Read[] = [];
  const files = byFile(scored);
  for (let at = 0; at < files.length; at += atOnce) {
    if (signal.aborted) throw cancelled();
    await Promise.all(
      files.slice(at, at + atOnce).map(async ({ path, first, last, chunks }) => {
        const lines = await read(path, first, last);
        for (const one of chunks) {
          const { startLine, endLine, language } = one.judged.candidate.info;
          const text = lines.slice(startLine - first, endLine - first + 1).join('\n');
          found.push({ one, language, shape: shapeOf(tokensOf(text, language), vocabulary) });
        }
      }),
    );
    await nextTurn();
  }
  return found;
}

/** Candidates that were read, with what that told of each, and the others as they were. */
export function withSignals(
  known: readonly Read[],
  others: readonly Scored[],
  told: (at: number) => Partial<Signals>,
): Judged[] {
  return [
    ...known.map(({ one: { judged } }, at) => ({ ...judged, signals: { ...judged.signals, ...told(at) } })),
    ...others.map(({ judged }) => judged),
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
export function comparison(others: readonly Read[]): (shape: Shape) => number[] {
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

export interface Standard {
  /** Above the mean of all. */
  mean: number;
  /** Of the value from its language's mean, in standard deviations. */
  deviation: number;
}

/** Of each value what it is among all, and among those of its language. */
export function standardised(others: readonly Read[], values: readonly number[]): Standard[] {
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
