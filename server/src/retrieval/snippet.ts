/** The lines of a hit that are shown, and what of them is highlighted. */
import type { TextRange } from '../../../protocol/search.ts';
import { placedWords, stemOf } from './words.ts';

/** What a query looks for, as it may stand in a text. */
export interface Terms {
  /** Stems of its words that carry meaning. */
  stems: readonly string[];
  phrases: readonly string[];
}

export interface Snippet {
  text: string;
  /** Line of the file that it begins with, from 1. */
  startLine: number;
  highlights: TextRange[];
}

/** Most lines of a snippet. */
const length = 12;
/** Lines shown before the first that matches. */
const lead = 2;
/** A hit's own beginning says what it is: another part is shown only where it holds that much more. */
const betterBy = 1.25;

/**
 * @param lines all lines of the hit
 * @param first their number in the file, from 1
 */
export function snippetOf(lines: readonly string[], first: number, terms: Terms): Snippet {
  const matches = matchesIn(lines, terms);
  const start = bestStart(lines.length, matches);
  const end = Math.min(start + length, lines.length);
  const highlights = matches.flatMap(({ line, ranges }) =>
    line < start || line >= end ? [] : ranges.map((range) => ({ line: first + line, ...range })),
  );
  return { text: lines.slice(start, end).join('\n'), startLine: first + start, highlights };
}

interface LineMatches {
  /** From 0. */
  line: number;
  terms: string[];
  ranges: { start: number; end: number }[];
}

function matchesIn(lines: readonly string[], { stems, phrases }: Terms): LineMatches[] {
  const wanted = new Set(stems);
  const lower = phrases.map((phrase) => phrase.toLowerCase());
  return lines.flatMap((text, line) => {
    const found = placedWords(text)
      .map(({ word, start, end }) => ({ term: stemOf(word), start, end }))
      .filter(({ term }) => wanted.has(term));
    const all = [...found, ...lower.flatMap((phrase) => occurrences(text.toLowerCase(), phrase))];
    return all.length === 0 ? [] : [{ line, terms: all.map(({ term }) => term), ranges: joined(all, text) }];
  });
}

function occurrences(text: string, term: string): { term: string; start: number; end: number }[] {
  const found = [];
  for (let at = text.indexOf(term); at >= 0; at = text.indexOf(term, at + term.length)) {
    found.push({ term, start: at, end: at + term.length });
  }
  return found;
}

/** Neighbours within one identifier become one range: `rate_limiter` is highlighted as a whole. */
function joined(ranges: readonly { start: number; end: number }[], text: string): { start: number; end: number }[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = result.at(-1);
    if (last !== undefined && (start <= last.end || /^_+$/u.test(text.slice(last.end, start)))) {
      last.end = Math.max(last.end, end);
    } else {
      result.push({ start, end });
    }
  }
  return result;
}

/** First line, from 0, of the part that holds the most of what is looked for. */
function bestStart(lines: number, matches: readonly LineMatches[]): number {
  const last = Math.max(0, lines - length);
  if (last === 0 || matches.length === 0) return 0;
  const linesWith = new Map<string, number>();
  for (const { terms } of matches) {
    for (const term of new Set(terms)) linesWith.set(term, (linesWith.get(term) ?? 0) + 1);
  }
  // A word that is everywhere tells no part from another.
  const weigh = (terms: readonly string[]): number =>
    [...new Set(terms)].reduce((sum, term) => sum + 1 / (1 + Math.log(linesWith.get(term) ?? 1)), 0);
  const worth = (start: number): number => {
    const within = matches.filter(({ line }) => line >= start && line < start + length);
    return weigh(within.flatMap(({ terms }) => terms)) + within.length * 0.01;
  };
  let best = 0;
  let bestWorth = worth(0) * betterBy;
  for (const { line, terms } of matches) {
    const start = Math.max(0, Math.min(line - lead, last));
    // Of parts that hold the same, the one that begins at the line that tells the most.
    const total = worth(start) + weigh(terms) * 0.1;
    if (total > bestWorth) [best, bestWorth] = [start, total];
  }
  return best;
}
