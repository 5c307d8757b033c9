/** Answers as a person reads them. */
import type { AbsentLane, Coverage, RerankReport, SearchHit, SignalShare } from '../../../protocol/search.ts';
import type { FolderStatus, IndexResult, LaneStatus } from '../../../protocol/status.ts';
import { nodesText } from './doctor.ts';
import { count } from './progress-bar.ts';
import { renderResources } from './resources.ts';

const shownSnippetLines = 6;

/** What an answer says of itself besides its hits. */
export interface AnswerNotes {
  absent?: readonly AbsentLane[];
  rerank?: RerankReport;
}

export function renderHits(hits: readonly SearchHit[], coverage: Coverage, notes: AnswerNotes = {}): string {
  const incomplete = coverageNote(coverage);
  const lines = hits.length === 0 ? ['No match.'] : hits.map((hit, i) => renderHit(hit, i + 1));
  const absent = (notes.absent ?? []).map(({ lane, reason }) => `Without the ${lane} lane: ${reason}.`);
  const reranked = notes.rerank === undefined ? [] : [rerankNote(notes.rerank)];
  return [...lines, ...(incomplete === undefined ? [] : [incomplete]), ...absent, ...reranked].join('\n');
}

function rerankNote({ model, device, scored, candidates, milliseconds, note }: RerankReport): string {
  if (note !== undefined) return `Not reranked by ${model}: ${note}.`;
  return `${String(scored)} of ${String(candidates)} candidates scored by ${model} on ${device} in ${milliseconds.toFixed(0)} ms.`;
}

function renderHit(hit: SearchHit, rank: number): string {
  const title = [hit.symbol, hit.kind, hit.language].filter((part) => part !== '').join(' · ');
  const all = hit.snippet.split('\n');
  const indent = Math.min(
    ...all.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length),
  );
  const snippet = all
    .slice(0, shownSnippetLines)
    .map((line) => `      ${line.slice(Number.isFinite(indent) ? indent : 0)}`);
  return [
    `${String(rank).padStart(3)}. ${hit.path}:${String(hit.startLine)}  ${title}  ${hit.score.toFixed(4)}`,
    ...snippet,
    ...(hit.why ?? []).map(whyLine),
    '',
  ].join('\n');
}

function whyLine({ signal, value, weight, share }: SignalShare): string {
  const sum = `${signal.padEnd(14)} ${value.toFixed(3).padStart(6)} x ${weight.toFixed(2).padStart(5)}`;
  return `      ${share < 0 ? '-' : '+'}${Math.abs(share).toFixed(3)}  ${sum}`;
}

/** A sentence about lanes that are not complete; undefined when all are. */
export function coverageNote(coverage: Coverage): string | undefined {
  const parts = [
    percent('text', coverage.lexical),
    percent('vectors', coverage.instant),
    ...(coverage.deep === undefined ? [] : [percent('deep vectors', coverage.deep)]),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : `Not complete yet: ${parts.join(', ')}.`;
}

function percent(name: string, share: number): string | undefined {
  return share >= 1 ? undefined : `${name} ${String(Math.floor(share * 100))}%`;
}

export function renderIndexResult(result: IndexResult): string {
  const { files, chunks, filesChanged, embedded, milliseconds } = result;
  return (
    `${count(chunks)} chunks of ${count(files)} files are searchable; ` +
    `${count(filesChanged)} files changed, ${count(embedded)} texts embedded in ${(milliseconds / 1000).toFixed(1)} s.`
  );
}

export function renderStatus(status: FolderStatus): string {
  const rows: [string, string][] = [
    ['Folder', status.folder],
    ['State', status.error === undefined ? status.phase : `${status.phase}: ${status.error}`],
    ['Indexed', `${count(status.chunks)} chunks of ${count(status.files)} files`],
    ['Vectors', count(status.vectors)],
    ...(status.progress?.waiting === undefined ? [] : [['Stands still', status.progress.waiting] as [string, string]]),
    ...renderResources(status),
    ['Coverage', coverageNote(status.coverage) ?? 'complete'],
    ...status.lanes.map((lane): [string, string] => [`Lane ${lane.lane}`, laneText(lane)]),
    ['Load', `${status.background.load}, ${status.background.why}`],
    ['Languages', counts(status.languages)],
    ['Not parsed', Object.keys(status.notes.counts).length === 0 ? 'none' : counts(status.notes.counts)],
  ];
  const examples = status.notes.examples.slice(0, 10).map(({ path, reason, searchable, detail }) => {
    const how = searchable ? (reason === 'not-embedded' ? ', found by its words' : ', cut by lines') : '';
    return `    ${path} (${reason}${how})${detail === undefined ? '' : `: ${detail}`}`;
  });
  return [...rows.map(([name, value]) => `${name.padEnd(14)}${value}`), ...examples].join('\n');
}

function laneText(lane: LaneStatus): string {
  const { model, dimension, device, vectors, note, why, nodes, nodesOnCpu = 0, cpuOperators = [], loaded } = lane;
  return [
    `${model}, ${String(dimension)} dimensions, ${device}, ${count(vectors)} vectors`,
    ...(note === undefined ? [] : [note]),
    ...(why === undefined ? [] : [why.replace(/\.$/, '')]),
    ...(nodes === undefined || device === 'cpu' ? [] : [nodesText(nodes, nodesOnCpu, cpuOperators)]),
    ...(loaded === false ? ['loaded when needed'] : []),
  ].join('; ');
}

function counts(byName: Record<string, number>): string {
  return Object.entries(byName)
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => `${name} ${count(n)}`)
    .join(', ');
}
