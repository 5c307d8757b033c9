/**
 * What the crashing process writes, a mix of all a commit can hold. Commit `n` gives file `n % 11` its version `n`; some
 * remove a file as well, some leave the vectors to the commit after them, some are large, some hold vectors only.
 */
import type { CommitBatch, SpaceSpec } from '../../server/src/store/types.ts';
import { chunk, file, space, tree, vectorsOf } from './material.ts';

const files = 11;

export const spaces: SpaceSpec[] = [space, { name: 'deep:test', dimension: 48 }];

export function pathOf(number: number): string {
  return `folder/f${String(number % files)}.ts`;
}

/** A word that no other version has, in one part and without anything a stemmer would cut. */
export function wordOf(number: number): string {
  return `v${String(number).replace(/\d/g, (digit) => 'bcdfghjklm'.charAt(Number(digit)))}`;
}

export function bodiesOf(number: number): string[] {
  const count = number % 13 === 12 ? 120 : 1 + (number % 3);
  return Array.from({ length: count }, (_, at) => `${wordOf(number)} ${'xyz'.repeat(at + 1)}`);
}

/** Whether the vectors of this commit's chunks come with the next one, as those of a slow model do. */
export function isLate(number: number): boolean {
  return number % 6 === 4;
}

/** A commit of vectors only: the file stays as it is. */
export function isVectorsOnly(number: number): boolean {
  return number % 6 === 5 && number % 4 === 1;
}

const chunksOf = (number: number) =>
  bodiesOf(number).map((body, at) => chunk(body, { startLine: at + 1, endLine: at + 1 }));

export function batchOf(number: number): CommitBatch {
  const put = isVectorsOnly(number) ? [] : [file(pathOf(number), chunksOf(number), { size: number })];
  const embedded = [
    ...(isVectorsOnly(number) || isLate(number) ? [] : chunksOf(number)),
    ...(number > 0 && isLate(number - 1) ? chunksOf(number - 1) : []),
  ];
  return {
    tree,
    put,
    remove: number % 5 === 0 && put.length > 0 ? [pathOf(number + 1)] : [],
    vectors: embedded.length === 0 ? [] : spaces.map(({ name, dimension }) => vectorsOf(embedded, name, dimension)),
  };
}

/** The version of each file after commits 0 to `last`. */
export function versionsAfter(last: number): Map<string, number> {
  const versions = new Map<string, number>();
  for (let number = 0; number <= last; number++) {
    const { put, remove } = batchOf(number);
    for (const { path } of put) versions.set(path, number);
    for (const path of remove) versions.delete(path);
  }
  return versions;
}
