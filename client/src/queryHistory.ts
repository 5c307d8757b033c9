/** The queries a person ran last, newest first, without repetitions. */

export const historyLength = 20;

/** The history with `query` at its head; blank queries are not remembered. */
export function remember(history: readonly string[], query: string): string[] {
  const trimmed = query.trim();
  return trimmed === '' ? [...history] : [trimmed, ...forget(history, trimmed)].slice(0, historyLength);
}

/** The history without `query`. */
export function forget(history: readonly string[], query: string): string[] {
  return history.filter((entry) => entry !== query);
}

const seedLength = 300;

/** A selection as a query: one line, bounded. */
export function seedOf(selection: string): string {
  return selection.replaceAll(/\s+/g, ' ').trim().slice(0, seedLength);
}
