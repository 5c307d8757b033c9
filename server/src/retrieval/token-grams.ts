/** Runs of tokens as sets of hashes, and how much two pieces of code have in common. */
import { tokenKinds, type CodeToken } from './code-tokens.ts';
import { finished, mixed } from './murmur.ts';

/**
 * Tokens of a run. Shorter runs are shared by chance, longer ones are all lost around one changed token: of a function of
 * 100 tokens with three changes 84% of the runs stay.
 */
const runLength = 5;

/** Hashes of a piece's runs, each once, ascending. */
export type GramSet = Uint32Array;

/**
 * `kept`: runs are the same where their tokens are. `renamed`: where a consistent renaming makes them the same; each name
 * stands for the distance to its last occurrence within the run (Baker, "Parameterized pattern matching", JCSS 1996),
 * literals for one another.
 */
export type NameUse = 'kept' | 'renamed';

export function gramsOf(tokens: readonly CodeToken[], names: NameUse): GramSet {
  const codes = tokenCodes(tokens, names);
  const before = names === 'renamed' ? lastOccurrences(tokens) : undefined;
  const length = Math.min(runLength, tokens.length);
  const hashes = new Uint32Array(length === 0 ? 0 : tokens.length - length + 1);
  for (let at = 0; at < hashes.length; at++) {
    let hash = 0x9747b28c;
    for (let offset = 0; offset < length; offset++) {
      const token = at + offset;
      const last = before?.[token] ?? -1;
      hash = mixed(hash, last >= at ? token - last : (codes[token] ?? 0));
    }
    hashes[at] = finished(hash);
  }
  return distinct(hashes);
}

/** A hash of the whole sequence, 53 bits; equal for equal sequences in the sense of `names`. */
export function sequenceHash(tokens: readonly CodeToken[], names: NameUse): number {
  const codes = tokenCodes(tokens, names);
  const before = names === 'renamed' ? lastOccurrences(tokens) : undefined;
  let low = 0x9747b28c;
  let high = 0x5bd1e995;
  tokens.forEach((_, at) => {
    const last = before?.[at] ?? -1;
    const code = last >= 0 ? at - last : (codes[at] ?? 0);
    low = mixed(low, code);
    high = mixed(high, code ^ 0x2c1b3c6d);
  });
  return finished(low) * 2 ** 21 + (finished(high) >>> 11);
}

/** Of two sets: the share of both that is in both (Dice 1945), 0 to 1. */
export function similarity(a: GramSet, b: GramSet): number {
  return a.length + b.length === 0 ? 0 : (2 * sharedBy(a, b)) / (a.length + b.length);
}

/** The share of `part` that is in `whole`, 0 to 1. */
export function shareIn(part: GramSet, whole: GramSet): number {
  return part.length === 0 ? 0 : sharedBy(part, whole) / part.length;
}

function sharedBy(a: GramSet, b: GramSet): number {
  let shared = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const left = a[i] ?? 0;
    const right = b[j] ?? 0;
    if (left === right) shared++;
    if (left <= right) i++;
    if (right <= left) j++;
  }
  return shared;
}

/** Codes that stand for any name and any literal. Distances to last occurrences are below them. */
const anyName = 0x10000;
const anyLiteral = 0x10001;

function tokenCodes(tokens: readonly CodeToken[], names: NameUse): Uint32Array {
  return Uint32Array.from(tokens, ({ text, kind }) => {
    if (names === 'renamed' && kind === tokenKinds.name) return anyName;
    if (names === 'renamed' && kind === tokenKinds.literal) return anyLiteral;
    return textHash(text);
  });
}

/** Position of each name's occurrence before; -1 for first ones and for what is no name. */
function lastOccurrences(tokens: readonly CodeToken[]): Int32Array {
  const last = new Map<string, number>();
  return Int32Array.from(tokens, ({ text, kind }, at) => {
    if (kind !== tokenKinds.name) return -1;
    const before = last.get(text) ?? -1;
    last.set(text, at);
    return before;
  });
}

/** FNV-1a over UTF-16 code units. */
function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

function distinct(hashes: Uint32Array): GramSet {
  hashes.sort();
  let kept = 0;
  for (let at = 0; at < hashes.length; at++) {
    if (at > 0 && hashes[at] === hashes[at - 1]) continue;
    hashes[kept++] = hashes[at] ?? 0;
  }
  return hashes.slice(0, kept);
}
