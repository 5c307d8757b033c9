/** Every chunk that may answer a query, with what each lane says of it. */
import type { AbsentLane } from '../../../protocol/search.ts';
import type { ChunkInfo, FieldWeights, Filter, TextSignals, RankedStore } from '../store/types.ts';
import type { TextRole } from '../inference/types.ts';
import { askLane, type SearchLane } from './ask-lane.ts';

/** Chunks taken by their lexical score, by that of their file, and from each lane of vectors. */
const wanted = { chunks: 160, files: 60, dense: 120 };

export interface CandidateQuery {
  tree: string;
  text: string;
  /** What is embedded of it. */
  embedded: string;
  /** How the lanes embed it. */
  role: TextRole;
  phrases: string[];
  quiet: string[];
  prefix: boolean;
  weights: FieldWeights;
  filter: Filter;
  /** At least so many candidates, where there are as many chunks. */
  atLeast: number;
  /** Whether words are looked for at all. */
  lexical: boolean;
  lanes: SearchLane[];
  patienceMs: number;
}

/** A chunk and what was found out about it. */
export interface Candidate {
  info: ChunkInfo;
  /** Absent where words were not looked for, or where none occurs. */
  text: TextSignals | undefined;
  /** Cosine similarity by lane; a lane without a vector of the chunk is absent. */
  cosines: ReadonlyMap<string, number>;
}

export interface Candidates {
  candidates: Candidate[];
  /** By lane: the best cosine and the last one of the lane's own candidates, between which all others are measured. */
  spans: ReadonlyMap<string, { best: number; last: number }>;
  /** Lanes that were asked, with the vector of what is asked and how long it took. */
  asked: readonly AskedLane[];
  absent: AbsentLane[];
  timings: { embed: number; lexical: number; vector: number };
}

export interface AskedLane {
  lane: SearchLane;
  vectors: Float32Array;
  embedMs: number;
}

interface LaneFinds extends AskedLane {
  cosines: Map<number, number>;
}

/** @throws TiercelError `Cancelled` */
export async function gather(store: RankedStore, query: CandidateQuery, signal: AbortSignal): Promise<Candidates> {
  const timings = { embed: 0, lexical: 0, vector: 0 };
  const absent: AbsentLane[] = [];
  const asked = await settleAll(
    query.lanes.map(async (lane) => {
      const start = performance.now();
      const patienceMs = lane.patienceMs ?? query.patienceMs;
      const answer = await askLane(lane, query.embedded, query.role, patienceMs, signal);
      timings.embed = Math.max(timings.embed, performance.now() - start);
      if (answer.absent !== undefined) {
        absent.push({ lane: lane.name, reason: answer.absent });
        return undefined;
      }
      const { vectors, embedMs } = answer;
      const k = Math.max(wanted.dense, query.atLeast);
      const { tree, filter } = query;
      const searched = performance.now();
      const [hits = []] = await store.searchVectors({ tree, space: lane.space, vectors, k, filter }, signal);
      timings.vector = Math.max(timings.vector, performance.now() - searched);
      return { lane, vectors, embedMs, cosines: new Map(hits.map(({ id, score }) => [id, score])) };
    }),
  );
  const lanes = asked.filter((finds): finds is LaneFinds => finds !== undefined);
  const spans = new Map(lanes.map(({ lane, cosines }) => [lane.name, spanOf([...cosines.values()])]));
  const start = performance.now();
  const texts = query.lexical ? await lexicalSignals(store, query, lanes, signal) : new Map<number, TextSignals>();
  timings.lexical = performance.now() - start;
  const ids = new Set([...texts.keys(), ...lanes.flatMap(({ cosines }) => [...cosines.keys()])]);
  const completed = performance.now();
  const [infos] = await settleAll([
    store.chunks({ ids: Float64Array.from(ids) }),
    ...lanes.map((finds) => complete(store, query, finds, ids, signal)),
  ] as const);
  timings.vector += performance.now() - completed;
  const candidates = infos.map((info) => ({
    info,
    text: texts.get(info.id),
    cosines: cosinesOf(lanes, info.id),
  }));
  return { candidates, spans, asked: lanes, absent, timings };
}

async function lexicalSignals(
  store: RankedStore,
  query: CandidateQuery,
  lanes: readonly LaneFinds[],
  signal: AbortSignal,
): Promise<Map<number, TextSignals>> {
  const { tree, text, phrases, quiet, prefix, weights, filter } = query;
  const also = Float64Array.from(new Set(lanes.flatMap(({ cosines }) => [...cosines.keys()])));
  const chunks = Math.max(wanted.chunks, query.atLeast);
  const found = await store.rankText(
    { tree, text, phrases, quiet, prefix, weights, filter, chunks, files: wanted.files, also },
    signal,
  );
  return new Map(found.map(({ id, signals }) => [id, signals]));
}

/** Looks up the lane's similarity of candidates that others found. */
async function complete(
  store: RankedStore,
  { tree, filter }: CandidateQuery,
  { lane, vectors, cosines }: LaneFinds,
  ids: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<void> {
  const unknown = [...ids].filter((id) => !cosines.has(id));
  if (unknown.length === 0) return;
  const only = { ...filter, ids: Float64Array.from(unknown) };
  const asked = { tree, space: lane.space, vectors, k: unknown.length, filter: only };
  const [hits = []] = await store.searchVectors(asked, signal);
  for (const { id, score } of hits) cosines.set(id, score);
}

function cosinesOf(lanes: readonly LaneFinds[], id: number): Map<string, number> {
  const found = new Map<string, number>();
  for (const { lane, cosines } of lanes) {
    const cosine = cosines.get(id);
    if (cosine !== undefined) found.set(lane.name, cosine);
  }
  return found;
}

function spanOf(cosines: readonly number[]): { best: number; last: number } {
  return { best: cosines[0] ?? 0, last: cosines.at(-1) ?? 0 };
}

type Settled<T extends readonly unknown[]> = { -readonly [K in keyof T]: Awaited<T[K]> };

/** All are awaited before any error is passed on, so that none is left running unobserved. */
async function settleAll<T extends readonly unknown[]>(promises: readonly [...T]): Promise<Settled<T>> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
