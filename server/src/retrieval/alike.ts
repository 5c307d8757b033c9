/**
 * How much candidates are like a piece of code when both are read ({@link comparison}). What is like the best candidates
 * as well is so much more like it: one of them may be in a language nearer to it.
 */
import { shapeOf, Vocabulary } from './code-shape.ts';
import { tokensOf } from './code-tokens.ts';
import type { ReadLines } from './read-lines.ts';
import { rank, type Weights } from './ranker.ts';
import { comparison, readShapes, standardised, withSignals } from './shapes.ts';
import type { Judged } from './signals.ts';

/** Candidates that are read, the best by the other signals. */
const compared = 400;
/** The best by all signals that others are compared with as well; one that is as much like the code as can be counts as the code does. */
const echoing = 3;

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
  const others = await readShapes(scored.slice(0, compared), vocabulary, read, signal);
  const evenly = standardised(
    others,
    others.map(({ one }) => one.score),
  ).map(({ mean }) => -mean);
  const compare = comparison(others);
  const alike = compare(own);
  const total = (at: number): number =>
    (others[at]?.one.score ?? 0) + (weights.alike ?? 0) * (alike[at] ?? 0) + (weights.evenly ?? 0) * (evenly[at] ?? 0);
  // In the code's own language what is like it leads to more of that language only.
  const best = [...others.keys()]
    .filter((at) => others[at]?.language !== language)
    .sort((a, b) => total(b) - total(a))
    .slice(0, echoing);
  // What is not much like the code says nothing of it.
  const echoes = best.map((hit) => ({
    hit,
    counts: Math.max(0, alike[hit] ?? 0),
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
  return withSignals(others, scored.slice(compared), (at) => ({ alike: echoed(at), evenly: evenly[at] ?? 0 }));
}
