/** Candidates that a lane has no vector of get one while the query waits: the best first, as far as the time goes. */
import type { OnDemandReport } from '../../../protocol/search.ts';
import type { ChunkInfo } from '../store/types.ts';
import type { SearchLane } from './ask-lane.ts';
import type { Candidate, Candidates } from './candidates.ts';

/** What embeds candidates for a lane that is not complete. */
export interface OnDemand {
  /** Milliseconds of one search; embedding what is asked counts. */
  readonly budgetMs: number;
  /** So many candidates are looked at: those that may come among the first hits. */
  readonly candidates: number;
  /**
   * @param chunks the likeliest first: they are embedded first
   * @param ms comes back when they are over, with what there is
   * @throws TiercelError `Cancelled`
   */
  vectorsOf(chunks: readonly ChunkInfo[], ms: number, signal: AbortSignal): Promise<CandidateVectors>;
}

export interface CandidateVectors {
  /** By chunk id, of unit length. */
  vectors: ReadonlyMap<number, Float32Array>;
  /** How many of them were computed just now. */
  embedded: number;
  /** Why not more, where it was not the time. */
  note?: string;
}

/**
 * How far the 120th nearest chunk is taken to be from the nearest, as a cosine: a space with few vectors cannot say it.
 * Of three values that were tried on text to code, the best; not measured on complete spaces.
 */
const usualSpan = 0.25;
/** Candidates with a vector from which on the lane's own span counts. */
const enough = 120;

/**
 * @param best puts candidates in order by what is known without the vectors
 * @throws TiercelError `Cancelled`
 */
export async function withOnDemand(
  found: Candidates,
  best: (found: Candidates) => readonly Candidate[],
  signal: AbortSignal,
): Promise<{ found: Candidates; report?: OnDemandReport }> {
  const asked = found.asked.find(({ lane }) => lane.onDemand !== undefined);
  const onDemand = asked?.lane.onDemand;
  if (asked === undefined || onDemand === undefined) return { found };
  const { lane, vectors: query, embedMs } = asked;
  const start = performance.now();
  const first = best(found).slice(0, onDemand.candidates);
  const without = first.filter(({ cosines }) => !cosines.has(lane.name)).map(({ info }) => info);
  const { vectors, embedded, note } = await onDemand.vectorsOf(without, onDemand.budgetMs - embedMs, signal);
  const milliseconds = embedMs + performance.now() - start;
  const report = {
    model: lane.embedder.model.id,
    device: lane.embedder.device,
    candidates: first.length,
    compared: first.length - without.length + vectors.size,
    embedded,
    milliseconds,
    ...(note === undefined ? {} : { note }),
  };
  return { found: withCosines(found, lane, query, vectors), report };
}

function withCosines(
  found: Candidates,
  { name }: SearchLane,
  query: Float32Array,
  vectors: ReadonlyMap<number, Float32Array>,
): Candidates {
  const candidates = found.candidates.map((candidate) => {
    const vector = vectors.get(candidate.info.id);
    if (vector === undefined) return candidate;
    return { ...candidate, cosines: new Map([...candidate.cosines, [name, dot(query, vector)]]) };
  });
  const known = candidates.flatMap(({ cosines }) => cosines.get(name) ?? []).sort((a, b) => b - a);
  const best = known[0] ?? 0;
  // The nearest of few are farther away than those of all would be, or too few to say anything.
  const last = Math.max(best - usualSpan, known[enough - 1] ?? -1);
  return { ...found, candidates, spans: new Map([...found.spans, [name, { best, last }]]) };
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
}
