/** What the work tree and the store disagree about. */
import type { FileState, VectorStore } from '../store/types.ts';
import type { Workspace } from '../workspace/types.ts';
import { allFiles } from './known-files.ts';
import type { Job } from './queue.ts';
import { urgencyOf } from './relevance.ts';

export interface ScanResult {
  jobs: Job[];
  /** Files in the work tree. */
  total: number;
  /** Files left alone by {@link ScanOptions.knownOnly}. */
  leftAlone: number;
}

/** Outcomes that may be another one the next time, though size and time of the file stay: permissions, defects. */
const retried: ReadonlySet<string> = new Set(['failed', 'unreadable']);

export interface ScanOptions {
  /** Paths of open editors. */
  open: ReadonlySet<string>;
  /** Only what the store knows already: files that were never indexed are left alone. */
  knownOnly: boolean;
}

/**
 * Compares size and modification time of every file with what was committed. A file that failed or could not be read is
 * tried again.
 */
export async function scan(
  store: VectorStore,
  workspace: Workspace,
  { open, knownOnly }: ScanOptions,
  signal: AbortSignal,
): Promise<ScanResult> {
  const [listed, known] = await Promise.all([workspace.list(signal), knownFiles(store, workspace.root, signal)]);
  const reasons = new Map<string, { reason: string; before?: string }>();
  let leftAlone = 0;
  for (const { path, size, mtimeMs } of listed) {
    const state = known.get(path);
    known.delete(path);
    if (state === undefined) {
      if (knownOnly) leftAlone += 1;
      else reasons.set(path, { reason: 'new' });
    } else if (state.size !== size || state.mtimeMs !== mtimeMs) {
      reasons.set(path, { reason: 'changed on disk' });
    } else if (retried.has(state.outcome)) {
      reasons.set(path, { reason: `${state.outcome} before`, before: state.outcome });
    }
  }
  const urgency = urgencyOf(
    listed.filter(({ path }) => reasons.has(path)),
    open,
  );
  const jobs = [...reasons].map(([path, why]): Job => ({
    path,
    kind: 'changed',
    ...why,
    urgency: urgency.get(path) ?? 'source',
  }));
  // First what makes room, and what would be a wrong answer.
  const gone = [...known.keys()].map((path): Job => ({ path, kind: 'removed', reason: 'no longer listed' }));
  return { jobs: [...gone, ...jobs], total: listed.length, leftAlone };
}

type Known = Pick<FileState, 'size' | 'mtimeMs' | 'outcome'>;

async function knownFiles(store: VectorStore, tree: string, signal: AbortSignal): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  for await (const { path, size, mtimeMs, outcome } of allFiles(store, tree, signal)) {
    known.set(path, { size, mtimeMs, outcome });
  }
  return known;
}
