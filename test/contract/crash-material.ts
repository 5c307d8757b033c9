/** What the crashing process writes: commit `n` gives file `n % 7` its version `n`; every fifth removes a file as well. */
import type { CommitBatch } from '../../server/src/store/types.ts';
import { chunk, file, tree, vectorsOf } from './material.ts';

const files = 7;

export function pathOf(number: number): string {
  return `folder/f${String(number % files)}.ts`;
}

/** A word that no other version has, in one part. */
export function wordOf(number: number): string {
  return `v${String(number).replace(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit)))}`;
}

export function bodiesOf(number: number): string[] {
  return Array.from({ length: 1 + (number % 3) }, (_, at) => `${wordOf(number)} ${'xyz'.charAt(at)}`);
}

export function batchOf(number: number): CommitBatch {
  const chunks = bodiesOf(number).map((body, at) => chunk(body, { startLine: at + 1, endLine: at + 1 }));
  return {
    tree,
    put: [file(pathOf(number), chunks, { size: number })],
    remove: number % 5 === 0 ? [pathOf(number + 1)] : [],
    vectors: [vectorsOf(chunks)],
  };
}

/** The version of each file after commits 0 to `last`. */
export function versionsAfter(last: number): Map<string, number> {
  const versions = new Map<string, number>();
  for (let number = 0; number <= last; number++) {
    versions.set(pathOf(number), number);
    for (const path of batchOf(number).remove) versions.delete(path);
  }
  return versions;
}
