/** Ranked places as a person reads them: with lines around what matched, and what says the same thing once. */
import type { FoldedPlace, SearchHit } from '../../../protocol/search.ts';
import { tokensOf } from './code-tokens.ts';
import type { ReadLines } from './read-lines.ts';
import type { Ranked } from './search.ts';
import { snippetOf, type Terms } from './snippet.ts';
import { gramsOf, similarity, type GramSet } from './token-grams.ts';

export interface ReadableOptions {
  terms: Terms;
  /** Most hits, counted after folding. */
  limit: number;
  fold: boolean;
}

/** Runs of tokens, names as they are, that two texts share at least to be shown as one. */
const leastFolded = 0.9;
/** Shorter texts are told apart by a single token. */
const fewestGrams = 8;

interface ReadHit<H> {
  hit: H;
  lines: string[];
}

/**
 * @param ranked best first; with `fold` more than `limit`, so that others take the place of what is folded
 * @returns hits in the same order
 */
export async function readable<H extends Ranked>(
  ranked: readonly H[],
  read: ReadLines,
  { terms, limit, fold }: ReadableOptions,
): Promise<(H & SearchHit)[]> {
  const kept: { hit: H & SearchHit; grams: GramSet; folded: FoldedPlace[] }[] = [];
  for (let from = 0; from < ranked.length && kept.length < limit;) {
    const batch = ranked.slice(from, from + limit - kept.length);
    from += batch.length;
    for (const { hit, lines } of await readAll(batch, read)) {
      const grams = fold ? gramsOf(tokensOf(lines.join('\n'), hit.language), 'kept') : new Uint32Array();
      const same = kept.find((other) => fold && saysTheSame(grams, other.grams));
      if (same === undefined) {
        const { text, startLine, highlights } = snippetOf(lines, hit.startLine, terms);
        kept.push({ hit: { ...hit, snippet: text, snippetLine: startLine, highlights }, grams, folded: [] });
      } else {
        const { path, startLine, endLine, symbol } = hit;
        same.folded.push({ path, startLine, endLine, symbol });
      }
    }
  }
  return kept.map(({ hit, folded }) => (folded.length === 0 ? hit : { ...hit, folded }));
}

function readAll<H extends Ranked>(hits: readonly H[], read: ReadLines): Promise<ReadHit<H>[]> {
  return Promise.all(hits.map(async (hit) => ({ hit, lines: await read(hit.path, hit.startLine, hit.endLine) })));
}

function saysTheSame(a: GramSet, b: GramSet): boolean {
  return Math.min(a.length, b.length) >= fewestGrams && similarity(a, b) >= leastFolded;
}
