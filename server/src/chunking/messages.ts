/** What the pool and a parse process say to each other. */
import { chunkKinds, type ChunkedFile, type ChunkRequest } from './types.ts';

export interface ParseRequest extends ChunkRequest {
  id: number;
}

export type ParseReply =
  /** Sent once, before the first request is read. */
  | { kind: 'ready' }
  | { kind: 'done'; id: number; result: ChunkedFile; rssBytes: number }
  /** The file made our own code or the binding throw. */
  | { kind: 'failed'; id: number; message: string; rssBytes: number };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function isParseRequest(value: unknown): value is ParseRequest {
  return (
    isRecord(value) &&
    typeof value['id'] === 'number' &&
    typeof value['path'] === 'string' &&
    typeof value['language'] === 'string' &&
    typeof value['text'] === 'string'
  );
}

export function isParseReply(value: unknown): value is ParseReply {
  if (!isRecord(value)) return false;
  if (value['kind'] === 'ready') return true;
  if (typeof value['id'] !== 'number' || typeof value['rssBytes'] !== 'number') return false;
  if (value['kind'] === 'failed') return typeof value['message'] === 'string';
  return value['kind'] === 'done' && isChunkedFile(value['result']);
}

function isChunkedFile(value: unknown): value is ChunkedFile {
  return isRecord(value) && Array.isArray(value['chunks']) && value['chunks'].every(isChunk);
}

function isChunk(value: unknown): boolean {
  return isRecord(value) && typeof value['startLine'] === 'number' && chunkKinds.some((kind) => kind === value['kind']);
}
