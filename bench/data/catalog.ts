import { codeLanes, openCode, prepareCode, type CodeLane } from './code.ts';
import type { Dataset } from './dataset.ts';
import { mixtureDataset, type MixtureOptions } from './mixture.ts';

/** Names a data set, so that another process can open the same one. */
export type DataName = ({ kind: 'mixture' } & MixtureOptions) | { kind: 'code'; lane: CodeLane };

export function openData(name: DataName): Dataset {
  return name.kind === 'mixture' ? mixtureDataset(name) : openCode(name.lane);
}

/**
 * @param word `mixture`, `code` (all lanes but the transformer's, which takes long to prepare) or `code-LANE`
 * @throws Error that names what there is
 */
export function dataNames(word: string, mixture: MixtureOptions): DataName[] {
  if (word === 'mixture') return [{ kind: 'mixture', ...mixture }];
  if (word === 'code') return codeLanes.filter((lane) => lane !== 'deep').map((lane) => ({ kind: 'code', lane }));
  const lane = codeLanes.find((known) => word === `code-${known}`);
  if (lane === undefined) {
    const known = ['mixture', 'code', ...codeLanes.map((name) => `code-${name}`)].join(', ');
    throw new Error(`There is no data ${word}; there are ${known}.`);
  }
  return [{ kind: 'code', lane }];
}

/** Makes what is missing, except the transformer's vectors, which are asked for by name (`prepare`). */
export async function prepareData(name: DataName): Promise<void> {
  if (name.kind === 'code' && name.lane !== 'deep') await prepareCode(name.lane, 0);
}
