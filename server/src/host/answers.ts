/** Answers about one folder: found by retrieval, shown with lines of its work tree. */
import { cancelled, TiercelError, errorCodes } from '../../../protocol/errors.ts';
import {
  defaultPatienceMs,
  type AbsentLane,
  type OnDemandReport,
  type SearchParams,
  type SearchResult,
  type SimilarParams,
  type SimilarResult,
} from '../../../protocol/search.ts';
import { embeddingText } from '../chunking/embedding-text.ts';
import type { ReadLines } from '../retrieval/read-lines.ts';
import type { RecentPaths } from '../retrieval/recency.ts';
import { readable } from '../retrieval/readable.ts';
import { searchCode, type Answer, type RetrievalDeps } from '../retrieval/search.ts';
import { chunkAt, similarCode, type SimilarSource } from '../retrieval/similar.ts';
import type { ResolvedSettings } from '../settings/index.ts';
import type { Filter } from '../store/types.ts';
import { languageOf } from '../workspace/languages.ts';
import type { Workspace } from '../workspace/types.ts';
import type { Rerankers } from './rerankers.ts';

/** What a reranker is given: what it may lift into the answer. */
const rerankCandidates = 30;
/** Hits looked at for each one wanted, so that others take the place of those that are folded. */
const foldedBeyond = 3;

export interface AnswerDeps {
  retrieval: RetrievalDeps;
  workspace: Workspace;
  rerankers: Rerankers;
  settings: ResolvedSettings;
  recent: RecentPaths;
}

export async function answerSearch(
  { retrieval, workspace, rerankers, settings, recent }: AnswerDeps,
  params: SearchParams,
  signal: AbortSignal,
): Promise<Omit<SearchResult, 'coverage'>> {
  const start = performance.now();
  const { query, limit = 10, fold = false, lanes, ranker, explain, near } = params;
  const wantsRerank = params.rerank ?? settings.inference.reranker !== '';
  const most = wantsRerank ? Math.max(limit, rerankCandidates) : limit;
  const beyond = fold ? foldedBeyond : 1;
  const options = { limit: most * beyond, filter: toFilter(params), lanes, ranker, explain, near, recent };
  const read = readerOf(workspace);
  const answer = await searchCode(retrieval, query, options, read, signal);
  if (signal.aborted) throw cancelled();
  const beforeRead = performance.now();
  const found = await readable(answer.hits, read, { terms: answer.terms, limit: most, fold });
  // Gone from the disk, and the index does not know yet.
  const hits = found.filter(({ snippet }) => snippet !== '');
  const end = performance.now();
  const timings = { total: end - start, ...answer.timings, read: end - beforeRead };
  const ofLanes = notesOf(answer);
  if (!wantsRerank) return { query, hits, ...answer.verdict, timings, ...ofLanes };
  const { candidates, report } = await rerankers.rerank({
    settings,
    query,
    candidates: hits,
    textOf: ({ symbol, snippet }) => `${symbol}\n${snippet}`,
    scoreOf: ({ score }) => score,
    patienceMs: params.patienceMs ?? defaultPatienceMs,
    signal,
  });
  const total = performance.now() - start;
  const first = candidates.slice(0, limit);
  return { query, hits: first, ...answer.verdict, timings: { ...timings, total }, ...ofLanes, rerank: report };
}

/** @param path of the file, relative to the folder */
export async function answerSimilar(
  { retrieval, workspace }: AnswerDeps,
  path: string,
  params: SimilarParams,
  signal: AbortSignal,
): Promise<Omit<SimilarResult, 'coverage'>> {
  const start = performance.now();
  const source = await sourceOf(retrieval, workspace, path, params);
  const { limit = 10 } = params;
  const read = readerOf(workspace);
  const answer = await similarCode(retrieval, source, { limit, filter: toFilter(params) }, read, signal);
  if (signal.aborted) throw cancelled();
  const beforeRead = performance.now();
  const hits = await readable(answer.hits, read, { terms: { stems: [], phrases: [] }, limit, fold: false });
  const end = performance.now();
  const { startLine, endLine, symbol } = source;
  return {
    source: { path, startLine, endLine, symbol },
    hits,
    timings: { total: end - start, ...answer.timings, read: end - beforeRead },
    ...notesOf(answer),
  };
}

const readerOf =
  (workspace: Workspace): ReadLines =>
  (...range) =>
    workspace.lines(...range);

/** What an answer says of its lanes, where there is something to say. */
function notesOf({ absent, onDemand }: Pick<Answer, 'absent' | 'onDemand'>): {
  absent?: AbsentLane[];
  onDemand?: OnDemandReport;
} {
  return { ...(absent.length === 0 ? {} : { absent }), ...(onDemand === undefined ? {} : { onDemand }) };
}

/** What is compared: the selection, else the chunk at the line. */
async function sourceOf(
  { store, tree }: RetrievalDeps,
  workspace: Workspace,
  path: string,
  params: SimilarParams,
): Promise<SimilarSource> {
  const selected = params.endLine !== undefined && params.endLine >= params.startLine;
  const asked = { path, startLine: params.startLine, endLine: selected ? (params.endLine ?? 0) : params.startLine };
  const chunk = await chunkAt(store, tree, asked);
  const place = selected || chunk === undefined ? { ...asked, symbol: chunk?.symbol ?? '', kind: 'block' } : chunk;
  const lines =
    selected && params.text !== undefined ? [params.text] : await workspace.lines(path, place.startLine, place.endLine);
  const code = lines.join('\n');
  if (code.trim() === '') {
    throw new TiercelError(
      errorCodes.fixTheCall,
      `There is no code at ${path}:${String(params.startLine)}. Choose a line inside a function or select some code.`,
    );
  }
  const language = languageOf(path);
  const text = embeddingText({ ...place, kind: 'block', signature: '', doc: '', text: code }, language);
  return { ...place, language, code, text, selected };
}

export function toFilter(params: { languages?: string[] | undefined; paths?: string[] | undefined }): Filter {
  return {
    ...(params.languages === undefined || params.languages.length === 0 ? {} : { languages: params.languages }),
    ...(params.paths === undefined || params.paths.length === 0 ? {} : { paths: params.paths }),
  };
}
