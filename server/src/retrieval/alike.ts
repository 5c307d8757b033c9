/**
 * How much candidates are like a piece of code when both are read ({@link Likeness}). Where there are several languages,
 * what is like good answers in another language is a better answer itself: one of them may be in a language nearer to it.
 */
import { kinshipOf } from './akin.ts';
import { shapeOf, Vocabulary } from './code-shape.ts';
import { tokensOf } from './code-tokens.ts';
import { Likeness } from './likeness.ts';
import type { ReadLines } from './read-lines.ts';
import { rank, type Weights } from './ranker.ts';
import { readShapes, withSignals } from './shapes.ts';
import type { Judged } from './signals.ts';
import { Standards } from './standards.ts';

/** Candidates that are read, the best by the other signals. */
const compared = 400;
/** See `Kinship.spread`: much of what is like code is an answer. */
const contrast = 4;

/**
 * Candidates with the signals `alike`, `evenly` and `akin`. Those that are not among the best, or are gone, keep 0.
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
  const standards = new Standards(others.map((other) => other.language));
  const evenly = standards.means(Float32Array.from(others, ({ one }) => -one.score));
  const likeness = new Likeness(others);
  const kinship = await kinshipOf(others, likeness, signal);
  const alike = likeness.to(own).map((value, at) => value - (kinship?.hubs[at] ?? 0));
  const told = (at: number) => ({ alike: alike[at] ?? 0, evenly: evenly[at] ?? 0 });
  const scores = others.map(
    ({ one }, at) => one.score + (weights.alike ?? 0) * told(at).alike + (weights.evenly ?? 0) * told(at).evenly,
  );
  const akin = kinship?.spread(Float32Array.from(scores), contrast);
  return withSignals(others, scored.slice(compared), (at) => ({ ...told(at), akin: akin?.[at] ?? 0 }));
}
