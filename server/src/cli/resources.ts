/** Memory and disk of `tiercel status`: what is taken, by what, and how far from the limits. */
import type { FolderStatus, GpuStatus, MemoryAlert, TierStatus } from '../../../protocol/status.ts';
import { count } from './progress-bar.ts';

const shownParts = 6;
const shownAlerts = 3;

/** Rows of a name and a value; the name is empty where a row goes on with the one before. */
export function renderResources(
  status: Pick<FolderStatus, 'memory' | 'gpu' | 'disk' | 'spaces' | 'indexPath'>,
): [string, string][] {
  const { memory, disk, spaces } = status;
  const rows: [string, string][] = [
    ['On disk', `${size(disk.used)}${share(disk.used, disk.budget)} in ${status.indexPath}`],
    ['In memory', `${size(memory.used)}${share(memory.used, memory.budget)} for all folders`],
  ];
  const held = memory.parts.filter(({ bytes }) => bytes > 0);
  if (held.length > 0) {
    const parts = held.slice(0, shownParts).map(({ name, bytes }) => `${name} ${size(bytes)}`);
    rows.push(['', parts.join(', ')]);
  }
  const why = memory.level === 'normal' ? '' : `: ${memory.explanation}`;
  rows.push(['Pressure', `${memory.pressure.toFixed(2)}, ${memory.level}${why}`]);
  const used = memory.tiers.filter(({ pages, hits, misses }) => pages + hits + misses > 0);
  used.forEach((tier, at) => rows.push([at === 0 ? 'Cache' : '', renderTier(tier)]));
  for (const { name, index, cells, raw, vectors, unreferenced, bytesOnDisk, trouble } of spaces) {
    const facts = [
      ...(index === '' ? [] : [cells > 0 ? `${index} (${count(cells)})` : index]),
      `${count(vectors)} vectors`,
      ...(unreferenced > 0 ? [`${count(unreferenced)} unreferenced`] : []),
      ...(raw > 0 && index !== 'int8' ? [`${count(raw)} to be coded`] : []),
      ...(bytesOnDisk > 0 ? [`${size(bytesOnDisk)} on disk`] : []),
      ...(trouble === undefined ? [] : [trouble]),
    ];
    rows.push(['Index', `${name}: ${facts.join(', ')}`]);
  }
  if (memory.kernel !== '') rows.push(['Search', `${memory.kernel}, pages kept by ${memory.policy}`]);
  rows.push(...renderGpu(status.gpu));
  memory.alerts.slice(-shownAlerts).forEach((alert, at) => rows.push([at === 0 ? 'Alerts' : '', renderAlert(alert)]));
  return rows;
}

function renderGpu({ sentence, adapter, budget, held, vectors, searches, failedOver }: GpuStatus): [string, string][] {
  const rows: [string, string][] = [['GPU', sentence]];
  if (adapter === undefined) return rows;
  const failed = failedOver === 0 ? '' : `, ${count(failedOver)} went back to the CPU`;
  rows.push(
    ['', `${size(held)}${share(held, budget)} of its memory held, ${size(vectors)} of that are vectors`],
    ['', `${count(searches)} searches answered${failed}`],
  );
  return rows;
}

function renderTier(tier: TierStatus): string {
  const { hits, misses, evictions } = tier;
  const asked = hits + misses;
  const facts = [
    `${size(tier.bytes)} in ${count(tier.pages)} pages`,
    ...(asked === 0 ? [] : [`${((100 * hits) / asked).toFixed(1)}% hits`]),
    ...(evictions === 0 ? [] : [`${count(evictions)} evicted`]),
  ];
  return `${tier.class}: ${facts.join(', ')}`;
}

function renderAlert({ atMs, level, message }: MemoryAlert): string {
  return `${new Date(atMs).toLocaleTimeString('en-GB')} ${level}: ${message}`;
}

function share(used: number, budget: number): string {
  return budget === 0 ? '' : ` of ${size(budget)} (${((100 * used) / budget).toFixed(0)}%)`;
}

function size(bytes: number): string {
  const kibibytes = bytes / 1024;
  const [value, unit] = kibibytes < 1024 ? [kibibytes, 'KiB'] : [kibibytes / 1024, 'MiB'];
  return `${value >= 100 ? count(Math.round(value)) : value.toFixed(1)} ${unit}`;
}
