/**
 * How much pieces of code are like one another, whatever their languages. Terms count by how rare they are among the
 * pieces of one language (a keyword of a language is in all of them), and a piece is measured against others of its
 * language: between languages, cosines say as much about the languages as about the code.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { cancelled } from '../../../protocol/errors.ts';
import type { Shape } from './code-shape.ts';
import { Standards } from './standards.ts';

/** Half of a term's weight is reached when it occurs so often. */
const halfFrequency = 1.2;
/** Standard deviations above the mean that count as 1. */
const farthest = 10;
/** Pieces that are compared with all others between two turns of the event loop. */
const atOnce = 50;

export interface Shaped {
  language: string;
  shape: Shape;
}

export class Likeness {
  readonly #shaped: readonly Shaped[];
  readonly #standards: Standards;
  readonly #index: TermIndex;

  constructor(shaped: readonly Shaped[]) {
    this.#shaped = shaped;
    this.#standards = new Standards(shaped.map(({ language }) => language));
    this.#index = indexed(shaped);
  }

  /**
   * How much each piece is like a shape, from -1 to 1 among those of its language: by cosine of term weights, frequency,
   * saturated, times rarity within the language. A term of the shape has the mean rarity of all languages.
   */
  to(shape: Shape): Float32Array {
    const { numbers, rarities, starts, pieces, weights } = this.#index;
    const cosines = new Float32Array(this.#shaped.length);
    for (const [term, times] of shape) {
      const number = numbers.get(term);
      if (number === undefined) continue;
      const weight = saturated(times) * (rarities[number] ?? 0);
      const end = starts[number + 1] ?? 0;
      for (let at = starts[number] ?? 0; at < end; at++) {
        const piece = pieces[at] ?? 0;
        cosines[piece] = (cosines[piece] ?? 0) + weight * (weights[at] ?? 0);
      }
    }
    return this.#standards.deviations(cosines).map((deviation) => Math.max(-1, Math.min(1, deviation / farthest)));
  }

  /**
   * n x n, row-major: in a piece's row how much the others are like it.
   *
   * @throws TiercelError `Cancelled`
   */
  async amongAll(signal: AbortSignal): Promise<Float32Array> {
    const all = new Float32Array(this.#shaped.length ** 2);
    for (const [at, { shape }] of this.#shaped.entries()) {
      if (at % atOnce === 0) await nextTurn();
      if (signal.aborted) throw cancelled();
      all.set(this.to(shape), at * this.#shaped.length);
    }
    return all;
  }
}

const saturated = (times: number): number => times / (times + halfFrequency);

/** An inverted index: `pieces` and `weights` from `starts[n]` to `starts[n + 1]` are those of term number n. */
interface TermIndex {
  numbers: ReadonlyMap<number, number>;
  /** By number; the mean of the languages. */
  rarities: Float32Array;
  starts: Uint32Array;
  pieces: Uint32Array;
  /** Shares of the piece's vector, which is of unit length. */
  weights: Float32Array;
}

function indexed(shaped: readonly Shaped[]): TermIndex {
  const numbers = new Map<number, number>();
  for (const { shape } of shaped)
    for (const term of shape.keys()) if (!numbers.has(term)) numbers.set(term, numbers.size);
  const languages = [...new Set(shaped.map(({ language }) => language))];
  const languageOf = shaped.map(({ language }) => languages.indexOf(language));
  const rarityIn = languages.map((language) => raritiesBy(shaped.filter((one) => one.language === language).length));

  const having = new Uint32Array(numbers.size * languages.length);
  forEachTerm(shaped, numbers, (number, _, piece) => {
    const at = number * languages.length + (languageOf[piece] ?? 0);
    having[at] = (having[at] ?? 0) + 1;
  });
  const rarity = (number: number, language: number): number =>
    rarityIn[language]?.[having[number * languages.length + language] ?? 0] ?? 0;
  const starts = new Uint32Array(numbers.size + 1);
  const rarities = new Float32Array(numbers.size);
  for (let number = 0; number < numbers.size; number++) {
    let [sum, pieces] = [0, 0];
    for (let language = 0; language < languages.length; language++) {
      sum += rarity(number, language);
      pieces += having[number * languages.length + language] ?? 0;
    }
    rarities[number] = sum / languages.length;
    starts[number + 1] = (starts[number] ?? 0) + pieces;
  }

  const pieces = new Uint32Array(starts[numbers.size] ?? 0);
  const weights = new Float32Array(pieces.length);
  const squares = new Float64Array(shaped.length);
  const next = starts.slice();
  forEachTerm(shaped, numbers, (number, times, piece) => {
    const at = next[number] ?? 0;
    next[number] = at + 1;
    const weight = saturated(times) * rarity(number, languageOf[piece] ?? 0);
    pieces[at] = piece;
    weights[at] = weight;
    squares[piece] = (squares[piece] ?? 0) + weight * weight;
  });
  for (let at = 0; at < weights.length; at++)
    weights[at] = (weights[at] ?? 0) / Math.sqrt(squares[pieces[at] ?? 0] ?? 1);
  return { numbers, rarities, starts, pieces, weights };
}

function forEachTerm(
  shaped: readonly Shaped[],
  numbers: ReadonlyMap<number, number>,
  take: (number: number, times: number, piece: number) => void,
): void {
  for (const [piece, { shape }] of shaped.entries())
    for (const [term, times] of shape) take(numbers.get(term) ?? 0, times, piece);
}

/** BM25's inverse document frequency (Robertson and Zaragoza 2009) by how many of so many pieces have a term. */
function raritiesBy(pieces: number): Float64Array {
  return Float64Array.from({ length: pieces + 1 }, (_, n) => Math.log(1 + (pieces - n + 0.5) / (n + 0.5)));
}
