/** The state of all indexes as a Markdown page a person can read. */
import type { FolderStatus } from '../../protocol/status.ts';
import { percent } from './coverage.ts';
import type { FolderState, ServerState } from './statusView.ts';
import { bytes, count, phaseOf, progressSentence } from './statusView.ts';

const serverLines: Record<ServerState['kind'], string> = {
  starting: 'The server is starting.',
  running: 'The server is running.',
  down: 'The server is not running. "Tiercel: Restart Server" starts it.',
};

function coverageLine(status: FolderStatus): string {
  const { lexical, instant, deep } = status.coverage;
  const lanes = [`words ${percent(lexical)}`, `instant vectors ${percent(instant)}`];
  return [...lanes, ...(deep === undefined ? [] : [`deep vectors ${percent(deep)}`])].join(', ');
}

function statusLines(status: FolderStatus): string[] {
  const lines = [
    `- Files: ${count(status.files)}`,
    `- Chunks: ${count(status.chunks)}`,
    `- Vectors: ${count(status.vectors)}`,
    `- Coverage: ${coverageLine(status)}`,
    `- On disk: ${bytes(status.bytesOnDisk)} in ${status.indexPath}`,
    `- In memory: ${bytes(status.bytesInMemory)}`,
    '',
    '### Models',
    '',
    ...status.lanes.map((lane) => {
      const facts = `- ${lane.lane}: ${lane.model}, ${String(lane.dimension)} dimensions, ${lane.device}, ${count(lane.vectors)} vectors`;
      return lane.note === undefined ? facts : `${facts} (${lane.note})`;
    }),
  ];
  const languages = Object.entries(status.languages).sort((a, b) => b[1] - a[1]);
  if (languages.length > 0) {
    lines.push('', '### Languages', '', ...languages.map(([language, files]) => `- ${language}: ${count(files)}`));
  }
  const notes = Object.entries(status.notes.counts).sort((a, b) => b[1] - a[1]);
  if (notes.length > 0) {
    lines.push('', '### Files left out, or cut by lines instead of by structure', '');
    for (const [reason, files] of notes) {
      lines.push(`- ${reason}: ${count(files)}`);
      for (const example of status.notes.examples.filter((note) => note.reason === reason)) {
        lines.push(`  - ${example.path}${example.searchable ? ' (searchable)' : ''}`);
      }
    }
  }
  return lines;
}

function folderSection(state: FolderState): string[] {
  const { status, progress } = state;
  const phase = phaseOf(state) ?? 'unknown';
  const lines = [`## ${state.folder.name}`, '', state.folder.path, ''];
  const working = progress !== undefined && !['ready', 'paused', 'failed'].includes(phase);
  lines.push(`- State: ${working ? `${phase} (${progressSentence(progress)})` : phase}`);
  const error = state.error ?? status?.error;
  if (error !== undefined) {
    lines.push(`- Error: ${error}`);
  }
  return status === undefined ? lines : [...lines, ...statusLines(status)];
}

/** @returns Markdown, one section per folder */
export function statusReport(server: ServerState, states: readonly FolderState[]): string {
  const reason = server.kind === 'down' && server.reason !== undefined ? [server.reason, ''] : [];
  const sections = states.flatMap((state) => [...folderSection(state), '']);
  return ['# Tiercel', '', serverLines[server.kind], '', ...reason, ...sections].join('\n');
}
