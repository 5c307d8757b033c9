/** What a device is called where batch limits are kept. The runtime does not name the adapter it uses. */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, hostname } from 'node:os';
import { join } from 'node:path';
import type { ExecutionProvider } from './providers.ts';

const linuxCards = '/sys/class/drm';

/** Stable over restarts, another one when processor or graphics cards are exchanged. */
export function deviceName(provider: ExecutionProvider): string {
  if (provider === 'cpu') return `cpu ${cpus()[0]?.model.trim() ?? ''}`;
  const cards = process.platform === 'linux' ? linuxCardIds() : [hostname()];
  return `${provider} ${cards.join(' ')}`.trim();
}

/** Vendor and device of each card, as PCI counts them. */
function linuxCardIds(): string[] {
  try {
    const cards = readdirSync(linuxCards).filter((name) => /^card\d+$/.test(name));
    return cards.sort().map((card) => {
      const read = (file: string): string => readFileSync(join(linuxCards, card, 'device', file), 'utf8').trim();
      return `${read('vendor')}:${read('device')}`;
    });
  } catch {
    // Containers and virtual machines have no such folder, or cards without these files.
    return [hostname()];
  }
}
