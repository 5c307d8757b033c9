/** One at a time: two work trees of a repository must not embed the same text at the same moment. */
import type { VectorStore } from '../store/types.ts';

const turns = new WeakMap<VectorStore, Map<string, Promise<unknown>>>();

/** Looks for what is missing in a space, embeds it and commits it, before the next one of the same store looks. */
export function inTurn<T>(store: VectorStore, space: string, work: () => Promise<T>): Promise<T> {
  const bySpace = turns.get(store) ?? new Map<string, Promise<unknown>>();
  turns.set(store, bySpace);
  const mine = (bySpace.get(space) ?? Promise.resolve()).catch(() => undefined).then(work);
  bySpace.set(space, mine);
  return mine;
}
