import { cancelled } from '../../../protocol/errors.ts';
import type { FileState, VectorStore } from '../store/types.ts';

const pageSize = 5000;

/** Every known file of a tree, in path order. */
export async function* allFiles(
  store: VectorStore,
  tree: string,
  signal: AbortSignal,
): AsyncGenerator<FileState & { chunkCount: number }> {
  let after: string | undefined;
  do {
    if (signal.aborted) throw cancelled();
    const page = await store.files(tree, pageSize, after);
    yield* page.files;
    after = page.next;
  } while (after !== undefined);
}
