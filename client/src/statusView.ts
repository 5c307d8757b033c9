/** What the status bar says about the server and the indexes of all folders. */
import type { FolderStatus, IndexPhase, IndexProgress, PressureLevel } from '../../protocol/status.ts';
import { coverageSentence, percent } from './coverage.ts';
import type { Folder } from './hits.ts';

export type ServerState =
  | { kind: 'starting' }
  | { kind: 'running' }
  /** Not running and not about to be; `reason` is absent when it was stopped on purpose. */
  | { kind: 'down'; reason?: string };

/** What is known of one folder's index; members arrive independently. */
export interface FolderState {
  folder: Folder;
  status?: FolderStatus;
  progress?: IndexProgress;
  /** Why the status could not be asked for. */
  error?: string;
}

export interface StatusView {
  /** Text of the item, with codicons. */
  text: string;
  /** Markdown. */
  tooltip: string;
  severity: 'none' | 'warning' | 'error';
}

const number = new Intl.NumberFormat('en-US');

export function count(value: number): string {
  return number.format(value);
}

/** `3 min`, `40 s`, `1 h 5 min`: rough, as an estimate deserves. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(1, Math.round(milliseconds / 1000));
  if (seconds < 60) {
    return `${String(seconds)} s`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${String(minutes)} min` : `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`;
}

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  const power = Math.min(units.length - 1, value < 1 ? 0 : Math.floor(Math.log2(value) / 10));
  const scaled = value / 1024 ** power;
  return `${scaled.toFixed(power === 0 || scaled >= 100 ? 0 : 1)} ${units[power] ?? 'B'}`;
}

/** The phase a folder is in, from whichever message came last. */
export function phaseOf(state: FolderState): IndexPhase | undefined {
  return state.progress?.phase ?? state.status?.phase;
}

/** A person stopped the work, and can let it go on. */
export function isHalted(state: FolderState): boolean {
  const phase = phaseOf(state);
  return phase === 'paused' || phase === 'cancelled';
}

/** There is work under way. */
export function isWorking(state: FolderState): boolean {
  return ['scanning', 'indexing', 'embedding'].includes(phaseOf(state) ?? '');
}

/** Reasons that may be gone when a file is tried again. */
export const retried: ReadonlySet<string> = new Set(['failed', 'unreadable', 'parser-failed', 'not-embedded']);

function chunksOf(state: FolderState): number {
  return state.progress?.chunks ?? state.status?.chunks ?? 0;
}

/** Work left in a folder as a line, `1,200 of 3,400 files, 310 chunks/s, 2 min left`, or why there is no telling. */
export function progressSentence(progress: IndexProgress): string {
  const parts: string[] = [];
  if (progress.waiting !== undefined) {
    const done = progress.filesTotal > 0 ? `${count(progress.filesDone)} of ${count(progress.filesTotal)} files, ` : '';
    return done + progress.waiting;
  }
  if (progress.filesTotal > 0) {
    parts.push(`${count(progress.filesDone)} of ${count(progress.filesTotal)} files`);
  }
  if (progress.chunksPerSecond >= 1) {
    parts.push(`${count(Math.round(progress.chunksPerSecond))} chunks/s`);
  }
  if (progress.millisecondsLeft !== undefined) {
    parts.push(`${duration(progress.millisecondsLeft)} left`);
  }
  return parts.length === 0 ? (progress.message ?? progress.phase) : parts.join(', ');
}

/** Markdown would read these as formatting; paths and messages are plain text. */
function plain(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]()#+\-.!|<>~$]/g, '\\$&');
}

/** What a person notices of each level; nothing of the first. */
export const pressureEffects: Record<PressureLevel, string> = {
  normal: '',
  'shrink-caches': 'caches are kept small',
  'drop-int8': 'searches read exact vectors from disk',
  'bits-only': 'searches read all but the coarsest vectors from disk',
  'refuse-writes': 'indexing waits for room, searches go on',
};

/** `Memory 80 MiB of 256 MiB`, and what is given up where that is not enough. */
function memorySentence({ memory }: FolderStatus): string {
  const used = `Memory ${bytes(memory.used)}${memory.budget > 0 ? ` of ${bytes(memory.budget)}` : ''}`;
  const effect = pressureEffects[memory.level];
  return effect === '' ? used : `${used}: ${effect}`;
}

/** Nothing while the GPU is not wanted or not worth opening: the report says why. */
function gpuLine({ gpu }: FolderStatus): string[] {
  if (gpu.adapter === undefined) return gpu.mode === 'on' ? [`$(warning) ${plain(gpu.sentence)}`] : [];
  return [plain(gpu.sentence)];
}

function folderLines(state: FolderState): string[] {
  const { status, progress } = state;
  const phase = phaseOf(state);
  const lines = [`**${plain(state.folder.name)}**${phase === undefined ? '' : `: ${phase}`}`];
  if (progress !== undefined && phase !== 'ready' && phase !== 'failed') {
    lines.push(plain(progressSentence(progress)));
  }
  if (status !== undefined) {
    lines.push(
      `${count(chunksOf(state))} chunks of ${count(status.files)} files, ${bytes(status.bytesOnDisk)} on disk`,
    );
    lines.push(plain(memorySentence(status)));
    const missing = coverageSentence(status.coverage);
    if (missing !== undefined) {
      lines.push(plain(missing));
    }
    lines.push(plain(`${status.model} on ${status.device}`));
    lines.push(...gpuLine(status));
    if (status.background.load !== 'normal') {
      lines.push(plain(`Background load ${status.background.load}, ${status.background.why}`));
    }
    const skipped = Object.entries(status.notes.counts).sort((a, b) => b[1] - a[1]);
    if (skipped.length > 0) {
      lines.push(
        plain(`Left out or cut by lines: ${skipped.map(([reason, n]) => `${count(n)} ${reason}`).join(', ')}`),
      );
    }
  }
  const error = state.error ?? (phase === 'failed' ? (status?.error ?? progress?.message) : status?.error);
  if (error !== undefined) {
    lines.push(`$(warning) ${plain(error)}`);
  }
  return lines;
}

function tooltipOf(states: readonly FolderState[]): string {
  return [...states.map((state) => folderLines(state).join('  \n')), 'Click for actions.'].join('\n\n');
}

function workingText(working: readonly FolderState[]): string {
  let done = 0;
  let total = 0;
  for (const { progress } of working) {
    done += progress?.filesDone ?? 0;
    total += progress?.filesTotal ?? 0;
  }
  const shares = working.flatMap(({ status }) => (status === undefined ? [] : [status.coverage]));
  if (working.every((state) => phaseOf(state) === 'embedding') && shares.length > 0) {
    const least = Math.min(...shares.map((coverage) => Math.min(coverage.instant, coverage.deep ?? 1)));
    return `$(sync~spin) Tiercel: vectors ${percent(least)}`;
  }
  if (total === 0 || working.every((state) => phaseOf(state) === 'scanning')) {
    return '$(sync~spin) Tiercel: looking for files';
  }
  return `$(sync~spin) Tiercel ${percent(Math.min(0.99, done / total))}`;
}

/** The status bar item for a server and the folders of the window. */
export function statusView(server: ServerState, states: readonly FolderState[]): StatusView {
  if (server.kind === 'down') {
    return {
      text: '$(error) Tiercel: stopped',
      tooltip: plain(server.reason ?? 'The Tiercel server is not running.') + '\n\nClick for actions.',
      severity: server.reason === undefined ? 'none' : 'error',
    };
  }
  if (server.kind === 'starting') {
    return { text: '$(sync~spin) Tiercel', tooltip: 'The Tiercel server is starting.', severity: 'none' };
  }
  const tooltip = tooltipOf(states);
  const failed = states.filter((state) => phaseOf(state) === 'failed' || state.error !== undefined);
  if (failed.length > 0) {
    return { text: '$(warning) Tiercel: indexing failed', tooltip, severity: 'warning' };
  }
  if (states.some(({ progress }) => progress?.waiting !== undefined)) {
    return { text: '$(warning) Tiercel: waiting for memory', tooltip, severity: 'warning' };
  }
  const working = states.filter(isWorking);
  if (working.length > 0) {
    return { text: workingText(working), tooltip, severity: 'none' };
  }
  if (states.some((state) => phaseOf(state) === undefined)) {
    return { text: '$(sync~spin) Tiercel', tooltip, severity: 'none' };
  }
  if (states.some((state) => phaseOf(state) === 'paused')) {
    return { text: '$(debug-pause) Tiercel: paused', tooltip, severity: 'none' };
  }
  if (states.some((state) => phaseOf(state) === 'cancelled')) {
    return { text: '$(circle-slash) Tiercel: cancelled', tooltip, severity: 'none' };
  }
  const chunks = states.reduce((sum, state) => sum + chunksOf(state), 0);
  return {
    text: `$(check) Tiercel: ready, ${count(chunks)} ${chunks === 1 ? 'chunk' : 'chunks'}`,
    tooltip,
    severity: 'none',
  };
}
