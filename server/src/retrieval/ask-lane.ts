/** The vector of what is asked, from one lane, or why that lane has to be left out. */
import { isCancelled, messageOf } from '../../../protocol/errors.ts';
import type { Embedder, TextRole } from '../inference/types.ts';
import { within } from '../processes/within.ts';
import type { OnDemand } from './on-demand.ts';

/** A lane that can be asked: its space has vectors, or gets some for the query. */
export interface SearchLane {
  name: string;
  embedder: Embedder;
  space: string;
  /** In place of the query's. */
  patienceMs?: number;
  /** The longest that embedding what is asked may take; without it, as long as it takes. */
  limitMs?: number;
  /** Present where vectors are missing that a query may have computed. */
  onDemand?: OnDemand;
}

export type LaneAnswer =
  | {
      vectors: Float32Array;
      /** Milliseconds of embedding, without waiting for the model. */
      embedMs: number;
      absent?: undefined;
    }
  | { absent: string };

/**
 * A model in a process of its own may be unloaded, or its process may fail: a search then answers from the other lanes.
 *
 * @param patienceMs how long a model that is not in memory is waited for; it goes on loading for the next search
 * @throws TiercelError `Cancelled`; what a lane in this process throws, which is a defect
 */
export async function askLane(
  { embedder, limitMs }: SearchLane,
  text: string,
  role: TextRole,
  patienceMs: number,
  signal: AbortSignal,
): Promise<LaneAnswer> {
  let start = performance.now();
  if (embedder.load === undefined) {
    const vectors = await embedder.embed([text], role, signal);
    return { vectors, embedMs: performance.now() - start };
  }
  try {
    if (embedder.loaded === false) {
      // Of the last time: whoever does not wait would never hear of it.
      const { failure } = embedder;
      const loaded = await within(patienceMs, embedder.load(), signal);
      if (loaded === undefined) return { absent: failure ?? 'the model is being loaded' };
    }
    start = performance.now();
    const embedding = embedder.embed([text], role, signal);
    const vectors = limitMs === undefined ? await embedding : (await within(limitMs, embedding, signal))?.value;
    if (vectors === undefined) return { absent: 'there was no time to embed the query' };
    return { vectors, embedMs: performance.now() - start };
  } catch (error) {
    if (isCancelled(error)) throw error;
    return { absent: messageOf(error) };
  }
}
