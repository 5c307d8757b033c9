/**
 * Code as terms that do not depend on its language: what standard libraries of many languages call differently
 * (`push_back`, `append`, `add`) is one concept, words of control flow are, and of what stands next to what the names
 * count once as they are and once as any name. `concepts.json` says which words are one.
 */
import { tokenKinds, type CodeToken } from './code-tokens.ts';
import concepts from './concepts.json' with { type: 'json' };
import { finished, mixed } from './murmur.ts';
import { bareName } from './understand.ts';

/** How often each term occurs, by its number in a {@link Vocabulary}. */
export type Shape = ReadonlyMap<number, number>;

const conceptOf = new Map(
  Object.entries(concepts).flatMap(([concept, words]) =>
    words.split(' ').map((word) => [word, `@${concept}`] as const),
  ),
);

/** Operators of two marks, and what they are taken for; those that only build types or blocks are left out. */
const pairs: Readonly<Record<string, string>> = {
  '==': '==',
  '!=': '!=',
  '<=': '<',
  '>=': '<',
  '&&': '&&',
  '||': '||',
  '**': '**',
  '<<': '<<',
  '>>': '>>',
  '++': '+',
  '--': '-',
  '+=': '+',
  '-=': '-',
  '*=': '*',
  '/=': '/',
  '%=': '%',
  '=>': '',
  '->': '',
  '::': '',
  ':=': '',
};
const singles: Readonly<Record<string, string>> = {
  '<': '<',
  '>': '<',
  '+': '+',
  '-': '-',
  '*': '*',
  '/': '/',
  '%': '%',
  '^': '^',
  '&': '&',
  '|': '|',
  '!': '!',
};
const anyName = '$';
const longestString = 40;
const number = /^(?:0[xXbBoO][\da-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/u;

/** Numbers terms, for shapes that are compared with one another. */
export class Vocabulary {
  readonly #numbers = new Map<string, number>();

  /** From 1 on. */
  of(term: string): number {
    let known = this.#numbers.get(term);
    if (known === undefined) {
      known = this.#numbers.size + 1;
      this.#numbers.set(term, known);
    }
    return known;
  }
}

/**
 * The number of a run of terms: within 30 bits, which a map looks up several times faster than what is larger. Two runs
 * that share one count as the same, which happens to one in ten thousand.
 */
function runOf(kind: number, first: number, second: number, third = 0): number {
  return finished(mixed(mixed(mixed(kind, first), second), third)) & 0x3fffffff;
}

/** A place in the code: what it is, what it is where names are left aside, and the parts of a name. */
interface Step {
  own: string;
  blank: string;
  parts: readonly string[];
}

export function shapeOf(tokens: readonly CodeToken[], vocabulary: Vocabulary): Shape {
  const shape = new Map<number, number>();
  const add = (term: number): void => {
    shape.set(term, (shape.get(term) ?? 0) + 1);
  };
  let before = 0;
  let blankBefore = 0;
  let blankTwoBefore = 0;
  for (const { own, blank, parts } of stepsOf(tokens)) {
    const ownNumber = vocabulary.of(own);
    const blankNumber = vocabulary.of(blank);
    add(ownNumber);
    for (const part of parts) add(vocabulary.of(part));
    if (before > 0) add(runOf(1, before, ownNumber));
    if (blankBefore > 0) add(runOf(2, blankBefore, blankNumber));
    if (blankTwoBefore > 0) add(runOf(3, blankTwoBefore, blankBefore, blankNumber));
    before = ownNumber;
    blankTwoBefore = blankBefore;
    blankBefore = blankNumber;
  }
  return shape;
}

function* stepsOf(tokens: readonly CodeToken[]): Generator<Step> {
  for (let at = 0; at < tokens.length; at++) {
    const { text, kind } = tokens[at] ?? { text: '', kind: tokenKinds.mark };
    if (kind === tokenKinds.mark) {
      const next = tokens[at + 1];
      const pair = next?.kind === tokenKinds.mark ? pairs[text + next.text] : undefined;
      if (pair !== undefined) at++;
      const operator = pair ?? singles[text] ?? '';
      if (operator !== '') yield fixed(`@${operator}`);
    } else if (kind === tokenKinds.literal) yield literal(text);
    else {
      const concept = conceptOf.get(bareName(text));
      if (concept !== undefined) yield fixed(concept);
      else if (kind === tokenKinds.name) yield named(text);
    }
  }
}

const fixed = (term: string): Step => ({ own: term, blank: term, parts: [] });

function named(text: string): Step {
  const parts = text
    .replaceAll(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu, '_')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((part) => part !== '')
    .map(singular);
  const own = parts.join('');
  return { own, blank: anyName, parts: parts.length > 1 ? parts.map((part) => conceptOf.get(part) ?? part) : [] };
}

function literal(text: string): Step {
  const digits = number.exec(text)?.[0];
  if (digits !== undefined) return fixed(`#${String(Number(digits))}`);
  const content = text.replaceAll(/^["'`]+|["'`]+$/gu, '');
  const words = content.toLowerCase().match(/\p{L}+|\d+/gu) ?? [];
  return { own: content.length <= longestString ? `"${content}` : '"', blank: '"', parts: words.map(singular) };
}

const singular = (word: string): string => (word.length > 4 && word.endsWith('s') ? word.slice(0, -1) : word);
