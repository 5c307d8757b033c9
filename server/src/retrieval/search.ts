/** A question's way: query vectors and lexical candidates side by side, fused, places filled in. */
import type { AbsentLane, SearchHit, SearchTimings } from '../../../protocol/search.ts';
import { decodePayload } from '../store/payload.ts';
import type { ChunkInfo, Filter, Hit, VectorStore } from '../store/types.ts';
import { askLane, type SearchLane } from './ask-lane.ts';
import { fuse } from './fuse.ts';

/** Candidates taken from each lane before fusion. */
const candidates = 200;

export interface RetrievalDeps {
  store: VectorStore;
  tree: string;
  lanes: SearchLane[];
  /** How long a model that is not in memory is waited for, milliseconds. */
  patienceMs: number;
}

/** A hit before its lines are read. */
export type Ranked = Omit<SearchHit, 'snippet'>;

export interface Answer {
  hits: Ranked[];
  timings: Omit<SearchTimings, 'total' | 'read'>;
  /** Lanes that were left out, and why. */
  absent: AbsentLane[];
}

/** Runs and says how long it took, in milliseconds. */
async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

/** The `limit` best chunks for a question or symbol, best first. An empty query has no hits. */
export async function searchCode(
  deps: RetrievalDeps,
  query: string,
  limit: number,
  filter: Filter,
  signal: AbortSignal,
): Promise<Answer> {
  const { store, tree, lanes, patienceMs } = deps;
  if (query.trim() === '') {
    return { hits: [], timings: { embed: 0, lexical: 0, vector: 0, fuse: 0 }, absent: [] };
  }
  const k = Math.max(candidates, limit);
  const lexicalSearch = timed(() => store.searchText({ tree, queries: [query], k, filter }, signal));
  const laneSearches = lanes.map(async (lane) => {
    const [answer, embed] = await timed(() => askLane(lane, query, 'query', patienceMs, signal));
    if (answer.absent !== undefined)
      return { list: [], embed, vector: 0, absent: [{ lane: lane.name, reason: answer.absent }] };
    const { space } = lane;
    const { vectors } = answer;
    const [lists, vector] = await timed(() => store.searchVectors({ tree, space, vectors, k, filter }, signal));
    return { list: lists[0] ?? [], embed, vector, absent: [] };
  });
  // All are awaited before any error is passed on, so that none is left running unobserved.
  const [[lexicalLists, lexical], ...found] = await settleAll([lexicalSearch, ...laneSearches]);
  const [hits, fuseMs] = await timed(() =>
    describe(store, fuse([lexicalLists[0] ?? [], ...found.map(({ list }) => list)]).slice(0, limit)),
  );
  return {
    hits,
    timings: {
      embed: Math.max(0, ...found.map(({ embed }) => embed)),
      lexical,
      vector: Math.max(0, ...found.map(({ vector }) => vector)),
      fuse: fuseMs,
    },
    absent: found.flatMap(({ absent }) => absent),
  };
}

type Settled<T extends readonly unknown[]> = { -readonly [K in keyof T]: Awaited<T[K]> };

async function settleAll<T extends readonly unknown[]>(promises: readonly [...T]): Promise<Settled<T>> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** Chunk ids to places. A chunk that went away since it was found is left out. */
export async function describe(store: VectorStore, hits: readonly Hit[]): Promise<Ranked[]> {
  const infos = await store.chunks({ ids: Float64Array.from(hits, ({ id }) => id) });
  const byId = new Map(infos.map((info) => [info.id, info]));
  return hits.flatMap(({ id, score }) => {
    const info = byId.get(id);
    return info === undefined ? [] : [toRanked(info, score)];
  });
}

function toRanked(info: ChunkInfo, score: number): Ranked {
  const { symbol, kind } = decodePayload(info.payload);
  const { path, startLine, endLine, language } = info;
  return { path, startLine, endLine, symbol, kind, language, score };
}
