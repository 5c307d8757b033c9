/** A file's way from its path to the record the store takes: read, cut, hash. */
import { hash } from 'node:crypto';
import { isCancelled, messageOf } from '../../../protocol/errors.ts';
import { embeddingText } from '../chunking/embedding-text.ts';
import type { Chunk, Chunker } from '../chunking/types.ts';
import type { Logger } from '../logging/logger.ts';
import { encodePayload } from '../store/payload.ts';
import { hashBytes, type ChunkRecord, type FileRecord } from '../store/types.ts';
import type { FileContent, Workspace } from '../workspace/types.ts';

export interface PreparedChunk {
  record: ChunkRecord;
  /** What is embedded; its hash is the record's key. */
  text: string;
}

export interface PreparedFile {
  file: FileRecord;
  /** One per chunk of `file`, in the same order. */
  texts: string[];
  /** What is wrong with the file, for a person. */
  detail?: string;
}

export interface PrepareDeps {
  workspace: Workspace;
  chunker: Chunker;
  logger: Logger;
}

const noHash = new Uint8Array(hashBytes);

/** The 16-byte content address of an embedded text: the first half of its SHA-256. */
export function textKey(text: string): Uint8Array {
  return hash('sha256', text, 'buffer').subarray(0, hashBytes);
}

function toRecord(chunk: Chunk, text: string): ChunkRecord {
  return {
    key: textKey(text),
    startLine: chunk.startLine,
    endLine: chunk.endLine,
    payload: encodePayload({ symbol: chunk.symbol, kind: chunk.kind, signature: chunk.signature }),
    symbol: chunk.symbol,
    doc: chunk.doc,
    body: chunk.text,
  };
}

/**
 * @returns undefined when the file is gone. A file that cannot be used becomes a record without chunks whose outcome
 * says why; one that failed unexpectedly keeps a zero hash, so that the next scan tries it again.
 */
export async function prepareFile(
  deps: PrepareDeps,
  path: string,
  signal: AbortSignal,
): Promise<PreparedFile | undefined> {
  let content: FileContent | undefined;
  try {
    content = await deps.workspace.read(path);
    if (content.kind === 'gone') return undefined;
    const state = {
      path,
      language: content.language,
      size: content.entry.size,
      mtimeMs: content.entry.mtimeMs,
      contentHash: content.hash,
    };
    if (content.kind === 'skipped') {
      const { reason, detail } = content;
      return {
        file: { ...state, outcome: reason, chunks: [] },
        texts: [],
        ...(reason === 'unreadable' && detail !== undefined ? { detail } : {}),
      };
    }
    const cut = await deps.chunker.chunk({ path, language: content.language, text: content.text }, signal);
    if (cut.detail !== undefined) deps.logger.warn(`${path}: ${cut.detail}`);
    const texts = cut.chunks.map((chunk) => embeddingText(chunk, state.language));
    const chunks = cut.chunks.map((chunk, i) => toRecord(chunk, texts[i] ?? ''));
    const failed = cut.method === 'parser-failed';
    const file = { ...state, outcome: failed ? 'parser-failed' : '', chunks };
    return { file, texts, ...(failed ? { detail: cut.detail ?? '' } : {}) };
  } catch (error) {
    if (isCancelled(error)) throw error;
    deps.logger.error(`${path}: could not be indexed: ${messageOf(error)}`, error);
    const entry = content !== undefined && content.kind !== 'gone' ? content.entry : { size: 0, mtimeMs: 0 };
    return {
      file: {
        path,
        language: 'plaintext',
        size: entry.size,
        mtimeMs: entry.mtimeMs,
        contentHash: noHash,
        outcome: 'failed',
        chunks: [],
      },
      texts: [],
      detail: messageOf(error),
    };
  }
}
