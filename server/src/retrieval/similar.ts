/** From a place or a piece of code to the nearest code elsewhere. */
import type { AbsentLane } from '../../../protocol/search.ts';
import { decodePayload } from '../store/payload.ts';
import type { ChunkInfo, Filter, Hit, VectorStore } from '../store/types.ts';
import { askLane } from './ask-lane.ts';
import { fuse } from './fuse.ts';
import { describe, type Answer, type RetrievalDeps } from './search.ts';

const candidates = 100;

export interface Place {
  path: string;
  startLine: number;
  endLine: number;
}

/** The indexed chunk that a place is in: the shortest that contains its first line; undefined between chunks. */
export async function chunkAt(
  store: VectorStore,
  tree: string,
  place: Place,
): Promise<(Place & { symbol: string }) | undefined> {
  const chunks = await store.chunks({ tree, path: place.path });
  const length = (chunk: ChunkInfo): number => chunk.endLine - chunk.startLine;
  const innermost = chunks
    .filter((chunk) => chunk.startLine <= place.startLine && place.startLine <= chunk.endLine)
    .sort((a, b) => length(a) - length(b))[0];
  if (innermost === undefined) return undefined;
  return {
    path: place.path,
    startLine: innermost.startLine,
    endLine: innermost.endLine,
    symbol: decodePayload(innermost.payload).symbol,
  };
}

/**
 * The `limit` nearest chunks to a text by its vectors, best first, without those that overlap `source` itself.
 *
 * @param text what is compared, in the form in which chunks are embedded.
 */
export async function similarCode(
  deps: RetrievalDeps,
  text: string,
  source: Place,
  limit: number,
  filter: Filter,
  signal: AbortSignal,
): Promise<Answer> {
  const { store, tree, lanes, patienceMs } = deps;
  let embed = 0;
  let vector = 0;
  const lists: Hit[][] = [];
  const absent: AbsentLane[] = [];
  for (const lane of lanes) {
    const start = performance.now();
    const answer = await askLane(lane, text, 'similar', patienceMs, signal);
    const embedded = performance.now();
    embed += embedded - start;
    if (answer.absent !== undefined) {
      absent.push({ lane: lane.name, reason: answer.absent });
      continue;
    }
    const { space } = lane;
    const { vectors } = answer;
    // The source itself may fill several places: ask for more than is shown.
    const found = await store.searchVectors({ tree, space, vectors, k: limit + candidates, filter }, signal);
    lists.push(found[0] ?? []);
    vector += performance.now() - embedded;
  }
  const start = performance.now();
  // One lane keeps its cosine as the score; ranks are fused only where there is something to fuse.
  const [only, ...others] = lists;
  const ranked = only === undefined ? [] : others.length === 0 ? only : fuse(lists);
  const hits = (await describe(store, ranked))
    .filter((hit) => hit.path !== source.path || hit.endLine < source.startLine || hit.startLine > source.endLine)
    .slice(0, limit);
  return { hits, timings: { embed, vector, lexical: 0, fuse: performance.now() - start }, absent };
}
