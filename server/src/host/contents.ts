/** What is in the index of a folder, file by file: to be compared, and to be looked at. */
import type { FilesParams, FilesResult, FolderStatus, IndexedChunk } from '../../../protocol/status.ts';
import type { Lane } from '../indexing/lane.ts';
import type { FileProblem } from '../indexing/problems.ts';
import { hashBytes, type ChunkInfo, type StoreStats, type VectorStore } from '../store/types.ts';

const exampleCount = 100;
const pageSize = 5000;

/**
 * Files that are left out, cut by lines or without vectors: counts by reason and the first of them by name.
 *
 * @param problems what is known of them beside their outcome in the store
 */
export async function collectNotes(
  store: VectorStore,
  tree: string,
  stats: StoreStats,
  problems: readonly FileProblem[],
): Promise<FolderStatus['notes']> {
  const details = new Map(problems.map(({ path, reason, detail }) => [`${reason} ${path}`, detail]));
  const unembedded = problems.filter(({ reason }) => reason === 'not-embedded');
  const examples: FolderStatus['notes']['examples'] = unembedded
    .slice(0, exampleCount)
    .map(({ path, reason, detail }) => ({ path, reason, searchable: true, detail }));
  const total = unembedded.length + Object.values(stats.outcomes).reduce((sum, count) => sum + count, 0);
  let after: string | undefined;
  while (examples.length < Math.min(total, exampleCount)) {
    const page = await store.files(tree, pageSize, after);
    for (const { path, outcome, chunkCount } of page.files) {
      if (outcome === '') continue;
      const detail = details.get(`${outcome} ${path}`);
      const note = { path, reason: outcome, searchable: chunkCount > 0 };
      examples.push(detail === undefined ? note : { ...note, detail });
    }
    after = page.next;
    if (after === undefined) break;
  }
  const counts = unembedded.length === 0 ? {} : { 'not-embedded': unembedded.length };
  return { counts: { ...stats.outcomes, ...counts }, examples: examples.slice(0, exampleCount) };
}

/** @param lanes those that are to have a vector for every chunk */
export async function indexedFiles(
  store: VectorStore,
  tree: string,
  lanes: readonly Lane[],
  { limit = 1000, after }: FilesParams,
): Promise<FilesResult> {
  const page = await store.files(tree, limit, after);
  const files = await Promise.all(
    page.files.map(async ({ path, language, size, mtimeMs, contentHash, outcome, chunkCount }) => ({
      path,
      language,
      size,
      mtimeMs,
      contentHash: hex(contentHash),
      outcome,
      chunks: chunkCount === 0 ? [] : await indexedChunks(store, lanes, await store.chunks({ tree, path })),
    })),
  );
  return { files, more: page.next !== undefined };
}

async function indexedChunks(
  store: VectorStore,
  lanes: readonly Lane[],
  chunks: readonly ChunkInfo[],
): Promise<IndexedChunk[]> {
  const keys = Buffer.concat(chunks.map(({ key }) => key));
  const missing = await Promise.all(
    lanes.map(async ({ name, space }) => {
      const found = await store.missing({ space, keys, limit: chunks.length });
      const list = Array.from({ length: found.keys.length / hashBytes }, (_, i) =>
        hex(found.keys.subarray(i * hashBytes, (i + 1) * hashBytes)),
      );
      return { name, keys: new Set(list) };
    }),
  );
  return chunks.map(({ startLine, endLine, key }) => ({
    startLine,
    endLine,
    key: hex(key),
    missing: missing.filter(({ keys: without }) => without.has(hex(key))).map(({ name }) => name),
  }));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
