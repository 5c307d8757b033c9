/** The state of all indexes as a Markdown page a person can read. */
import type { FolderStatus, SpaceStatus, TierStatus } from '../../protocol/status.ts';
import { percent } from './coverage.ts';
import type { FolderState, ServerState } from './statusView.ts';
import { bytes, count, phaseOf, pressureEffects, progressSentence, retried } from './statusView.ts';

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

function ofBudget(used: number, budget: number): string {
  return budget === 0 ? bytes(used) : `${bytes(used)} of ${bytes(budget)} (${percent(used / budget)})`;
}

/** What the engine holds for all folders of all windows, and how near to its limits it is. */
function memoryLines(status: FolderStatus): string[] {
  const { memory } = status;
  const effect = pressureEffects[memory.level];
  const lines = [
    '### Memory',
    '',
    `- Used: ${ofBudget(memory.used, memory.budget)}, all folders together`,
    `- Pressure: ${memory.pressure.toFixed(2)}, ${memory.level}${effect === '' ? '' : ` (${effect}). ${memory.explanation}`}`,
  ];
  const held = memory.parts.filter((part) => part.bytes > 0);
  if (held.length > 0) {
    lines.push('- Held by:', ...held.map((part) => `  - ${part.name}: ${bytes(part.bytes)}`));
  }
  lines.push(`- Searched with ${memory.kernel}, pages kept by ${memory.policy}`);
  const used = memory.tiers.filter(({ pages, hits, misses }) => pages + hits + misses > 0);
  lines.push(...used.map((tier) => `  - ${tierLine(tier)}`));
  if (memory.alerts.length > 0) {
    lines.push('- Alerts:');
    for (const { atMs, level, message } of memory.alerts) {
      lines.push(`  - ${new Date(atMs).toLocaleTimeString('en-GB')} ${level}: ${message}`);
    }
  }
  return lines;
}

/** Whether the GPU takes part in searches, and why not. */
function gpuLines({ gpu }: FolderStatus): string[] {
  const lines = ['### GPU', '', `- ${gpu.sentence}`];
  if (gpu.adapter !== undefined) {
    const failed = gpu.failedOver === 0 ? '' : `, ${count(gpu.failedOver)} went back to the CPU`;
    lines.push(
      `- Its memory: ${ofBudget(gpu.held, gpu.budget)}, of that ${bytes(gpu.vectors)} of vectors`,
      `- Searches: ${count(gpu.searches)}${failed}`,
    );
  }
  if (gpu.events.length > 0) {
    lines.push('- What happened:');
    for (const { atMs, message } of gpu.events) {
      lines.push(`  - ${new Date(atMs).toLocaleTimeString('en-GB')} ${message}`);
    }
  }
  return lines;
}

function tierLine(tier: TierStatus): string {
  const asked = tier.hits + tier.misses;
  const facts = [
    `${bytes(tier.bytes)} in ${count(tier.pages)} pages`,
    ...(asked === 0 ? [] : [`${percent(tier.hits / asked)} hits`]),
    ...(tier.evictions === 0 ? [] : [`${count(tier.evictions)} evicted`]),
  ];
  return `${tier.class}: ${facts.join(', ')}`;
}

function spaceLine(space: SpaceStatus): string {
  const cells = space.cells > 0 ? ` over ${count(space.cells)} cells` : '';
  const facts = [
    `searched as ${space.index}${cells}`,
    `${bytes(space.bytesOnDisk)} on disk`,
    ...(space.unreferenced === 0 ? [] : [`${count(space.unreferenced)} vectors of code that is gone`]),
    ...(space.trouble === undefined ? [] : [space.trouble]),
  ];
  return `- ${space.name}: ${facts.join(', ')}`;
}

function statusLines(status: FolderStatus): string[] {
  const lines = [
    `- Files: ${count(status.files)}`,
    `- Chunks: ${count(status.chunks)}`,
    `- Vectors: ${count(status.vectors)}`,
    `- Coverage: ${coverageLine(status)}`,
    `- On disk: ${ofBudget(status.disk.used, status.disk.budget)} in ${status.indexPath}`,
    '',
    ...memoryLines(status),
    '',
    ...gpuLines(status),
    '',
    '### Models',
    '',
    ...status.lanes.map((lane) => {
      const facts = `- ${lane.lane}: ${lane.model}, ${String(lane.dimension)} dimensions, ${lane.device}, ${count(lane.vectors)} vectors`;
      const fallback =
        lane.nodes === undefined || lane.device === 'cpu'
          ? []
          : [`${count(lane.nodesOnCpu ?? 0)} of ${count(lane.nodes)} nodes fell back to the CPU`];
      const remarks = [lane.note, lane.why, ...fallback].filter((part) => part !== undefined);
      return remarks.length === 0 ? facts : `${facts} (${remarks.join(' ')})`;
    }),
    ...status.spaces.filter(({ index }) => index !== '').map(spaceLine),
  ];
  const languages = Object.entries(status.languages).sort((a, b) => b[1] - a[1]);
  if (languages.length > 0) {
    lines.push('', '### Languages', '', ...languages.map(([language, files]) => `- ${language}: ${count(files)}`));
  }
  const notes = Object.entries(status.notes.counts).sort((a, b) => b[1] - a[1]);
  if (notes.some(([reason]) => retried.has(reason))) {
    lines.push('', '"Tiercel: Retry Files That Failed" tries those again that could not be read, parsed or embedded.');
  }
  if (notes.length > 0) {
    lines.push('', '### Files left out, or indexed in part', '');
    for (const [reason, files] of notes) {
      lines.push(`- ${reason}: ${count(files)}`);
      for (const example of status.notes.examples.filter((note) => note.reason === reason)) {
        const detail = example.detail === undefined ? '' : `: ${example.detail}`;
        lines.push(`  - ${example.path}${example.searchable ? ' (searchable)' : ''}${detail}`);
      }
    }
  }
  return lines;
}

function folderSection(state: FolderState): string[] {
  const { status, progress } = state;
  const phase = phaseOf(state) ?? 'unknown';
  const lines = [`## ${state.folder.name}`, '', state.folder.path, ''];
  const working = progress !== undefined && !['ready', 'paused', 'cancelled', 'failed'].includes(phase);
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
