/**
 * The same function in other languages: where every file holds one function and there are several languages, what reads
 * like one of the best answers answers the question as well, though its words say less of it.
 */
import { Vocabulary } from './code-shape.ts';
import type { ReadLines } from './read-lines.ts';
import { rank, type Scoring } from './ranker.ts';
import { comparison, readShapes, withSignals } from './shapes.ts';
import type { Judged } from './signals.ts';

/** Candidates that are read, the best by the other signals. */
const compared = 200;
/** Answers that others are compared with; the second counts a quarter of the first, the third a ninth. */
const answers = 3;
/** Share of the candidates that are not in the most frequent language, from which on it pays to read them. */
const leastOthers = 0.1;

/**
 * Candidates with the signal `akin`. Those that are not among the best, or are gone, keep 0, as all do in one language.
 *
 * @param scoring without this signal; it is 0 before
 * @throws TiercelError `Cancelled`
 */
export async function akinToBest(
  judged: readonly Judged[],
  scoring: Scoring,
  read: ReadLines,
  signal: AbortSignal,
): Promise<Judged[]> {
  if (othersOf(judged) < leastOthers) return [...judged];
  const scored = rank(judged, scoring);
  const known = await readShapes(scored.slice(0, compared), new Vocabulary(), read, signal);
  const compare = comparison(known);
  const best = known
    .toSorted((a, b) => b.one.score - a.one.score)
    .slice(0, answers)
    .map(({ language, shape }, place) => ({ language, counts: 1 / (place + 1) ** 2, alike: compare(shape) }));
  const all = best.reduce((sum, { counts }) => sum + counts, 0);
  const akin = (at: number): number => {
    let sum = 0;
    // In its own language what is like an answer is another function.
    for (const answer of best)
      if (answer.language !== known[at]?.language) sum += answer.counts * Math.max(0, answer.alike[at] ?? 0);
    return sum / Math.max(all, 1);
  };
  return withSignals(known, scored.slice(compared), (at) => ({ akin: akin(at) }));
}

function othersOf(judged: readonly Judged[]): number {
  const times = new Map<string, number>();
  for (const { candidate } of judged) {
    const { language } = candidate.info;
    times.set(language, (times.get(language) ?? 0) + 1);
  }
  return 1 - Math.max(0, ...times.values()) / Math.max(1, judged.length);
}
