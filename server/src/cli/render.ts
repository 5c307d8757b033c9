/** Answers as a person reads them. */
import type {
  AbsentLane,
  Coverage,
  FoldedPlace,
  OnDemandReport,
  RerankReport,
  SearchHit,
  SignalShare,
  SimilarHit,
  TextRange,
} from '../../../protocol/search.ts';
import type { FolderStatus, IndexResult, LaneStatus } from '../../../protocol/status.ts';
import { nodesText } from './doctor.ts';
import { count } from './progress-bar.ts';
import { renderResources } from './resources.ts';

const shownSnippetLines = 6;
const shownFolded = 5;

/** What an answer says of itself besides its hits. */
export interface AnswerNotes {
  /** False: nothing fits well, and what is shown is merely nearest. */
  goodMatch?: boolean;
  absent?: readonly AbsentLane[];
  onDemand?: OnDemandReport;
  rerank?: RerankReport;
}

export interface RenderOptions {
  /** Whether what matched is set off by colour. */
  colour?: boolean;
}

type ShownHit = SearchHit & Partial<Pick<SimilarHit, 'similarity' | 'marks'>>;

export function renderHits(
  hits: readonly ShownHit[],
  coverage: Coverage,
  notes: AnswerNotes = {},
  { colour = false }: RenderOptions = {},
): string {
  const incomplete = coverageNote(coverage);
  const lines = hits.length === 0 ? ['No match.'] : hits.map((hit, i) => renderHit(hit, i + 1, colour));
  const poor = notes.goodMatch === false && hits.length > 0 ? ['No good match. The nearest are:', ''] : [];
  const absent = (notes.absent ?? []).map(
    ({ lane, reason }) => `Without the ${lane} lane: ${reason.replace(/\.$/u, '')}.`,
  );
  const onDemand = notes.onDemand === undefined ? [] : [onDemandNote(notes.onDemand)];
  const reranked = notes.rerank === undefined ? [] : [rerankNote(notes.rerank)];
  return [
    ...poor,
    ...lines,
    ...(incomplete === undefined ? [] : [incomplete]),
    ...absent,
    ...onDemand,
    ...reranked,
  ].join('\n');
}

function onDemandNote({ model, device, candidates, compared, embedded, milliseconds, note }: OnDemandReport): string {
  const time = `${embedded} embedded on ${device} in ${milliseconds.toFixed(0)} ms`;
  return `${compared} of ${candidates} candidates compared by ${model}, ${time}${note === undefined ? '' : ` (${note})`}.`;
}

function rerankNote({ model, device, scored, candidates, milliseconds, note }: RerankReport): string {
  if (note !== undefined) return `Not reranked by ${model}: ${note}.`;
  return `${String(scored)} of ${String(candidates)} candidates scored by ${model} on ${device} in ${milliseconds.toFixed(0)} ms.`;
}

function renderHit(hit: ShownHit, rank: number, colour: boolean): string {
  const title = [hit.symbol, hit.kind, hit.language, ...markTexts(hit)].filter((part) => part !== '').join(' · ');
  return [
    `${String(rank).padStart(3)}. ${hit.path}:${String(hit.startLine)}  ${title}  ${hit.score.toFixed(4)}`,
    ...snippetLines(hit, colour),
    ...foldedLines(hit.folded ?? []),
    ...(hit.why ?? []).map(whyLine),
    '',
  ].join('\n');
}

/** What `similar` found out about a hit. */
function markTexts({ similarity = 0, marks = [] }: ShownHit): string[] {
  return marks.map((mark) => {
    if (mark === 'test') return 'test of this';
    return mark === 'near-clone' ? `near-clone ${String(Math.floor(similarity * 100))}%` : mark;
  });
}

/** The lines with the most of what matched, without their common indent; the number of the first where the hit begins earlier. */
function snippetLines({ snippet, snippetLine, startLine, highlights }: SearchHit, colour: boolean): string[] {
  const all = snippet.split('\n');
  const count = (from: number): number =>
    highlights.filter(({ line }) => line - snippetLine >= from && line - snippetLine < from + shownSnippetLines).length;
  let first = 0;
  for (let from = 1; from <= all.length - shownSnippetLines; from++) if (count(from) > count(first)) first = from;
  const shown = all.slice(first, first + shownSnippetLines);
  const indents = shown.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length);
  const indent = indents.length === 0 ? 0 : Math.min(...indents);
  const number = snippetLine + first;
  const lines = shown.map((line, at) => {
    const ranges = colour ? highlights.filter((range) => range.line === number + at) : [];
    return `      ${painted(line, ranges).slice(indent)}`;
  });
  return number > startLine ? [`      … line ${String(number)}`, ...lines] : lines;
}

const highlighted = '\u001B[1;33m';
const plain = '\u001B[0m';

function painted(line: string, ranges: readonly TextRange[]): string {
  let end = 0;
  const parts = ranges.map((range) => {
    const part = `${line.slice(end, range.start)}${highlighted}${line.slice(range.start, range.end)}${plain}`;
    end = range.end;
    return part;
  });
  return parts.join('') + line.slice(end);
}

function foldedLines(folded: readonly FoldedPlace[]): string[] {
  if (folded.length === 0) return [];
  const places = folded.slice(0, shownFolded).map(({ path, startLine }) => `${path}:${String(startLine)}`);
  const more = folded.length > shownFolded ? [`and ${String(folded.length - shownFolded)} more`] : [];
  return [`      ${String(folded.length)} similar: ${[...places, ...more].join(', ')}`];
}

function whyLine({ signal, value, weight, byTrees, share }: SignalShare): string {
  const sum = `${signal.padEnd(16)} ${value.toFixed(3).padStart(6)} x ${weight.toFixed(2).padStart(5)}`;
  return `      ${signed(share)}  ${sum}${byTrees === 0 ? '' : ` ${signed(byTrees)} with others`}`;
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
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
    ...(status.coverage.onDemand === undefined ? [] : [onDemandRow(status.coverage.onDemand)]),
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

function onDemandRow(share: number): [string, string] {
  return ['On demand', `searches have left deep vectors of ${String(Math.floor(share * 100))}% of the chunks`];
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
