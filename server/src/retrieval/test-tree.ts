/** For tests: files given as text, cut, embedded and stored as the indexer does it, and read back from memory. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { chunkFile } from '../chunking/chunk-file.ts';
import { embeddingText } from '../chunking/embedding-text.ts';
import { openInstantEmbedder } from '../inference/instant.ts';
import { packageRoot } from '../settings/paths.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { encodePayload } from '../store/payload.ts';
import { hashBytes, type ChunkRecord, type FileRecord, type RankedStore } from '../store/types.ts';
import type { ReadLines } from './read-lines.ts';
import type { RetrievalDeps } from './search.ts';

export interface TestTree {
  deps: RetrievalDeps;
  store: RankedStore;
  read: ReadLines;
  files: ReadonlyMap<string, string>;
  close: () => Promise<void>;
}

const tree = '/somewhere/sample';
const space = 'instant:x';
const languages: Readonly<Record<string, string>> = {
  ts: 'typescript',
  py: 'python',
  go: 'go',
  java: 'java',
  md: 'markdown',
};

/** @param directory for the store; whoever made it removes it */
export async function openTestTree(directory: string, files: Readonly<Record<string, string>>): Promise<TestTree> {
  const embedder = await openInstantEmbedder(join(packageRoot(), 'models', 'instant-v2'));
  const { dimension } = embedder.model;
  const store = await openEmbeddedStore({ directory: join(directory, 'store'), spaces: [{ name: space, dimension }] });
  const texts: string[] = [];
  const put = Object.entries(files).map(([path, text]): FileRecord => {
    const language = languages[path.split('.').at(-1) ?? ''] ?? 'plaintext';
    const chunks = chunkFile({ path, language, text }).chunks.map((chunk): ChunkRecord => {
      const { startLine, endLine, symbol, kind, signature, doc, text: body } = chunk;
      const embedded = embeddingText(chunk, language);
      texts.push(embedded);
      const payload = encodePayload({ symbol, kind, signature });
      return { key: keyOf(embedded), startLine, endLine, payload, symbol, doc, body };
    });
    return { path, language, size: 1, mtimeMs: 1, contentHash: keyOf(text), outcome: '', chunks };
  });
  const vectors = await embedder.embed(texts, 'passage');
  const keys = Uint8Array.from(texts.flatMap((text) => [...keyOf(text)]));
  await store.commit({ tree, put, remove: [], vectors: [{ space, keys, vectors }] });
  const byPath = new Map(Object.entries(files));
  return {
    deps: { store, tree, lanes: [{ name: 'instant', embedder, space }], patienceMs: 0 },
    store,
    files: byPath,
    read: (path, start, end) => Promise.resolve((byPath.get(path) ?? '').split('\n').slice(start - 1, end)),
    close: async () => {
      await store.close();
      await embedder.close();
    },
  };
}

function keyOf(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest().subarray(0, hashBytes));
}
