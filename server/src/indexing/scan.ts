/** What the work tree and the store disagree about. */
import { cancelled } from '../../../protocol/errors.ts';
import type { VectorStore } from '../store/types.ts';
import type { Workspace } from '../workspace/types.ts';
import type { Job } from './queue.ts';

const pageSize = 5000;

export interface ScanResult {
  jobs: Job[];
  /** Files in the work tree. */
  total: number;
}

/**
 * Compares size and modification time of every file with what was committed. A file that failed (zero content hash and
 * outcome `failed`) is tried again.
 */
export async function scan(store: VectorStore, workspace: Workspace, signal: AbortSignal): Promise<ScanResult> {
  const [listed, known] = await Promise.all([workspace.list(signal), knownFiles(store, workspace.root, signal)]);
  const jobs: Job[] = [];
  for (const entry of listed) {
    const state = known.get(entry.path);
    known.delete(entry.path);
    if (state === undefined) jobs.push({ path: entry.path, kind: 'changed', reason: 'new' });
    else if (state.outcome === 'failed') jobs.push({ path: entry.path, kind: 'changed', reason: 'failed before' });
    else if (state.size !== entry.size || state.mtimeMs !== entry.mtimeMs) {
      jobs.push({ path: entry.path, kind: 'changed', reason: 'changed on disk' });
    }
  }
  // First what makes room.
  const gone = [...known.keys()].map((path): Job => ({ path, kind: 'removed', reason: 'no longer listed' }));
  return { jobs: [...gone, ...jobs], total: listed.length };
}

interface Known {
  size: number;
  mtimeMs: number;
  outcome: string;
}

async function knownFiles(store: VectorStore, tree: string, signal: AbortSignal): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  let after: string | undefined;
  do {
    if (signal.aborted) throw cancelled();
    const page = await store.files(tree, pageSize, after);
    for (const { path, size, mtimeMs, outcome } of page.files) known.set(path, { size, mtimeMs, outcome });
    after = page.next;
  } while (after !== undefined);
  return known;
}
