import { hnswlib } from './hnswlib.ts';
import { lancedb } from './lancedb.ts';
import { scalarLoop } from './scalar.ts';
import { tiercel, tiercelVariants } from './tiercel.ts';
import type { Contender } from './types.ts';
import { usearch } from './usearch.ts';

const makers: Readonly<Record<string, () => Contender>> = {
  ...Object.fromEntries(Object.entries(tiercelVariants).map(([name, options]) => [name, () => tiercel(options)])),
  'usearch-f16': () => usearch('f16'),
  'usearch-i8': () => usearch('i8'),
  hnswlib,
  lancedb,
  'scalar-loop': scalarLoop,
};

/** Names as in `--peers`. */
export const peerNames = ['usearch', 'usearch-i8', 'hnswlib', 'lancedb'] as const;

/** What `--peers usearch` means in the tables. */
export function contenderOfPeer(peer: string): string {
  return peer === 'usearch' ? 'usearch-f16' : peer;
}

/** Whether what an engine is set to counts for its whole process, so that it cannot be measured beside others. */
export function needsOwnProcess(name: string): boolean {
  return tiercelVariants[name]?.bytesPerVector !== undefined;
}

/** Loads an engine's package. @throws Error when there is no such engine or its package cannot be loaded. */
export function loadContender(name: string): Contender {
  const make = makers[name];
  if (make === undefined) throw new Error(`There is no engine ${name}; there are ${Object.keys(makers).join(', ')}.`);
  return make();
}
