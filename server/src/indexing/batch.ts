/** Prepared files collected until they are worth one commit, and the commit itself. */
import { setTimeout as delay } from 'node:timers/promises';
import { TiercelError, cancelled, errorCodes } from '../../../protocol/errors.ts';
import { hashBytes, type CommitBatch, type FileRecord, type VectorBatch, type VectorStore } from '../store/types.ts';
import type { Lane } from './lane.ts';
import type { PreparedFile } from './prepare.ts';

const maxChunks = 4000;
const maxTextBytes = 12 * 1024 * 1024;
/** What a crash may cost: work not committed yet. A commit takes a tenth of this. */
const maxAgeMs = 2000;
/** Texts handed to the embedder in one call: small enough that a cancel is noticed soon. */
const embedBatch = 512;

export class Batch {
  readonly put: FileRecord[] = [];
  readonly remove: string[] = [];
  /** Text by key (hexadecimal), each once. */
  readonly texts = new Map<string, string>();
  chunks = 0;
  #textBytes = 0;
  readonly #since = performance.now();

  get files(): number {
    return this.put.length + this.remove.length;
  }

  get full(): boolean {
    return (
      this.chunks >= maxChunks ||
      this.#textBytes >= maxTextBytes ||
      this.files >= maxChunks ||
      (this.files > 0 && performance.now() - this.#since > maxAgeMs)
    );
  }

  add(prepared: PreparedFile): void {
    this.put.push(prepared.file);
    prepared.file.chunks.forEach((chunk, i) => {
      const text = prepared.texts[i] ?? '';
      this.texts.set(Buffer.from(chunk.key).toString('hex'), text);
      this.#textBytes += text.length + chunk.body.length;
    });
    this.chunks += prepared.file.chunks.length;
  }
}

/** Vectors of those texts that the lane's space does not hold yet; undefined when it holds all. */
export async function embedMissing(
  store: VectorStore,
  lane: Lane,
  texts: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<VectorBatch | undefined> {
  if (texts.size === 0) return undefined;
  const all = Buffer.from([...texts.keys()].join(''), 'hex');
  const { keys } = await store.missing({ space: lane.space, keys: all, limit: texts.size });
  const count = keys.length / hashBytes;
  if (count === 0) return undefined;
  const view = Buffer.from(keys.buffer, keys.byteOffset, keys.byteLength);
  const wanted = Array.from(
    { length: count },
    (_, i) => texts.get(view.toString('hex', i * hashBytes, (i + 1) * hashBytes)) ?? '',
  );
  const dimension = lane.embedder.model.dimension;
  const vectors = new Float32Array(count * dimension);
  for (let start = 0; start < count; start += embedBatch) {
    const part = await lane.embedder.embed(wanted.slice(start, start + embedBatch), 'passage', signal);
    vectors.set(part, start * dimension);
  }
  return { space: lane.space, keys, vectors };
}

/** Commits; when the store asks for patience (memory pressure) waits as long as it says and tries again. */
export async function commitPatiently(
  store: VectorStore,
  batch: CommitBatch,
  signal: AbortSignal,
  onWait: (message: string) => void,
): Promise<void> {
  for (;;) {
    if (signal.aborted) throw cancelled();
    try {
      await store.commit(batch);
      return;
    } catch (error) {
      if (!(error instanceof TiercelError) || error.code !== errorCodes.retryLater) throw error;
      onWait(error.message);
      await delay(error.retryAfterMs ?? 1000, undefined, { signal }).catch(() => {
        throw cancelled();
      });
    }
  }
}
