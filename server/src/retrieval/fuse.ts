import type { Hit } from '../store/types.ts';

/** The constant of reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009). */
const rankConstant = 60;

/**
 * Reciprocal rank fusion: each list gives a chunk `1 / (60 + rank)`, rank from 1.
 *
 * @returns all chunks of all lists, best first, ties by id.
 */
export function fuse(lists: readonly (readonly Hit[])[]): Hit[] {
  const scores = new Map<number, number>();
  for (const list of lists) {
    list.forEach((hit, i) => {
      scores.set(hit.id, (scores.get(hit.id) ?? 0) + 1 / (rankConstant + i + 1));
    });
  }
  return [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score || a.id - b.id);
}
