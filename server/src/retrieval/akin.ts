/**
 * The same function in other languages: where every file holds one function and there are several languages, what reads
 * like one of the best answers in another language answers the question as well, though its words say less of it.
 */
import { Vocabulary } from './code-shape.ts';
import { Kinship } from './kinship.ts';
import { Likeness } from './likeness.ts';
import type { ReadLines } from './read-lines.ts';
import { isCode } from './place-signals.ts';
import { rank, type Scoring } from './ranker.ts';
import { readShapes, withSignals, type Read } from './shapes.ts';
import type { Judged } from './signals.ts';

/** Candidates that are read, the best by the other signals. */
const compared = 200;
/** See `Kinship.spread`: hardly more than the best answer of a question is to be trusted. */
const contrast = 32;
/** Share of the candidates that are not in the most frequent language, from which on it pays to compare them. */
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
  if (othersOf(judged.map(({ candidate }) => codeLanguage(candidate.info.language))) < leastOthers) return [...judged];
  const scored = rank(judged, scoring);
  const known = await readShapes(scored.slice(0, compared), new Vocabulary(), read, signal);
  const kinship = await kinshipOf(known, new Likeness(known), signal);
  const akin = kinship?.spread(
    Float32Array.from(known, ({ one }) => one.score),
    contrast,
  );
  return withSignals(known, scored.slice(compared), (at) => ({ akin: akin?.[at] ?? 0 }));
}

/** Nothing where hardly any is in another language than most. */
export async function kinshipOf(
  known: readonly Read[],
  likeness: Likeness,
  signal: AbortSignal,
): Promise<Kinship | undefined> {
  const languages = known.map(({ language }) => codeLanguage(language));
  if (othersOf(languages) < leastOthers) return undefined;
  return new Kinship(await likeness.amongAll(signal), languages);
}

/** Prose and data have no kin: they do nothing. */
function codeLanguage(language: string): string | undefined {
  return isCode(language) ? language : undefined;
}

function othersOf(languages: readonly (string | undefined)[]): number {
  const times = new Map<string, number>();
  for (const language of languages) if (language !== undefined) times.set(language, (times.get(language) ?? 0) + 1);
  const counts = [...times.values()];
  const code = counts.reduce((sum, count) => sum + count, 0);
  return (code - Math.max(0, ...counts)) / Math.max(1, languages.length);
}
