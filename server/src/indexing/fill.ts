/** Fills a lane for chunks that are indexed but have no vector in its space yet (a slow model, a lane turned on late). */
import { cancelled } from '../../../protocol/errors.ts';
import type { VectorStore } from '../store/types.ts';
import { embedMissing } from './batch.ts';
import { commitPatiently, type PatienceHooks } from './commits.ts';
import type { Lane } from './lane.ts';
import { prepareFile, type PrepareDeps } from './prepare.ts';

/** Files cut again per step; their texts are what is in memory. */
const filesPerStep = 16;

export interface FillHooks extends Pick<PatienceHooks, 'onWait' | 'nudge'> {
  /** Asked between steps and while a commit waits: true ends the filling early. */
  interrupted: () => boolean;
  /** After each step's commit. */
  onProgress: (filesDone: number, filesTotal: number, embedded: number) => Promise<void>;
}

/**
 * @returns true when nothing is missing any more, false when interrupted. A file whose content no longer gives the
 * chunks that were indexed is left to the indexer: its change is on the way.
 */
export async function fillLane(
  deps: PrepareDeps & { store: VectorStore },
  lane: Lane,
  signal: AbortSignal,
  hooks: FillHooks,
): Promise<boolean> {
  const tree = deps.workspace.root;
  const { paths } = await deps.store.missing({ space: lane.space, tree, limit: Number.MAX_SAFE_INTEGER });
  for (let start = 0; start < paths.length; start += filesPerStep) {
    if (signal.aborted) throw cancelled();
    if (hooks.interrupted()) return false;
    const texts = new Map<string, string>();
    for (const path of paths.slice(start, start + filesPerStep)) {
      const prepared = await prepareFile(deps, path, signal);
      prepared?.file.chunks.forEach((chunk, i) => {
        texts.set(Buffer.from(chunk.key).toString('hex'), prepared.texts[i] ?? '');
      });
    }
    const vectors = await embedMissing(deps.store, lane, texts, signal);
    if (vectors !== undefined) {
      const committed = await commitPatiently(deps.store, { tree, put: [], remove: [], vectors: [vectors] }, signal, {
        ...hooks,
        givesUp: hooks.interrupted,
      });
      if (!committed) return false;
    }
    const embedded = vectors === undefined ? 0 : vectors.vectors.length / lane.embedder.model.dimension;
    await hooks.onProgress(Math.min(start + filesPerStep, paths.length), paths.length, embedded);
  }
  return true;
}
