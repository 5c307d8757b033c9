/** The vector of what is asked, from one lane, or why that lane has to be left out. */
import { cancelled, isCancelled, messageOf } from '../../../protocol/errors.ts';
import type { Embedder, TextRole } from '../inference/types.ts';

/** A lane that can be asked: its space has vectors. */
export interface SearchLane {
  name: string;
  embedder: Embedder;
  space: string;
}

export type LaneAnswer = { vectors: Float32Array; absent?: undefined } | { absent: string };

/**
 * A model in a process of its own may be unloaded, or its process may fail: a search then answers from the other lanes.
 *
 * @param patienceMs how long a model that is not in memory is waited for; it goes on loading for the next search
 * @throws TiercelError `Cancelled`; what a lane in this process throws, which is a defect
 */
export async function askLane(
  { embedder }: SearchLane,
  text: string,
  role: TextRole,
  patienceMs: number,
  signal: AbortSignal,
): Promise<LaneAnswer> {
  if (embedder.load === undefined) return { vectors: await embedder.embed([text], role, signal) };
  try {
    if (embedder.loaded === false && !(await loadedWithin(embedder.load(), patienceMs, signal))) {
      return { absent: 'the model is being loaded' };
    }
    return { vectors: await embedder.embed([text], role, signal) };
  } catch (error) {
    if (isCancelled(error)) throw error;
    return { absent: messageOf(error) };
  }
}

async function loadedWithin(load: Promise<void>, ms: number, signal: AbortSignal): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const late = new Promise<false>((resolve, reject) => {
    timer = setTimeout(() => {
      // After a pause of the whole machine the timer is due before the message that came in time is read.
      setImmediate(() => {
        resolve(false);
      });
    }, ms);
    onAbort = (): void => {
      reject(cancelled());
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([load.then(() => true), late]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
