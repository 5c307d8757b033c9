import type { FolderStatus } from '../../../protocol/status.ts';
import type { StoreStats, VectorStore } from '../store/types.ts';

const exampleCount = 100;
const pageSize = 5000;

/** Files that are left out or cut by lines: counts by reason and the first of them by name. */
export async function collectNotes(
  store: VectorStore,
  tree: string,
  stats: StoreStats,
): Promise<FolderStatus['notes']> {
  const examples: FolderStatus['notes']['examples'] = [];
  const total = Object.values(stats.outcomes).reduce((sum, count) => sum + count, 0);
  let after: string | undefined;
  while (examples.length < Math.min(total, exampleCount)) {
    const page = await store.files(tree, pageSize, after);
    for (const { path, outcome, chunkCount } of page.files) {
      if (outcome !== '') examples.push({ path, reason: outcome, searchable: chunkCount > 0 });
    }
    after = page.next;
    if (after === undefined) break;
  }
  return { counts: stats.outcomes, examples: examples.slice(0, exampleCount) };
}
