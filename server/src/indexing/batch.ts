/** Prepared files collected until they are worth one commit, and the vectors they lack. */
import { hashBytes, type FileRecord, type VectorBatch, type VectorStore } from '../store/types.ts';
import type { Lane } from './lane.ts';
import type { PreparedFile } from './prepare.ts';
import type { Throttle } from './throttle.ts';

const maxChunks = 4000;
const maxTextBytes = 12 * 1024 * 1024;
/** What a crash may cost: work not committed yet. A commit takes a tenth of this. */
const maxAgeMs = 2000;

export class Batch {
  /** By path: what is to be put, undefined for what is to be removed. Later news of a path replace earlier ones. */
  readonly #files = new Map<string, PreparedFile | undefined>();
  /** Text by key (hexadecimal), each once. */
  readonly texts = new Map<string, string>();
  chunks = 0;
  #textBytes = 0;
  readonly #since = performance.now();

  get files(): number {
    return this.#files.size;
  }

  get put(): FileRecord[] {
    return [...this.#files.values()].flatMap((prepared) => (prepared === undefined ? [] : [prepared.file]));
  }

  get removed(): string[] {
    return [...this.#files].flatMap(([path, prepared]) => (prepared === undefined ? [path] : []));
  }

  get full(): boolean {
    return (
      this.chunks >= maxChunks ||
      this.#textBytes >= maxTextBytes ||
      this.files >= maxChunks ||
      (this.files > 0 && performance.now() - this.#since > maxAgeMs)
    );
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  add(prepared: PreparedFile): void {
    this.#set(prepared.file.path, prepared);
    prepared.file.chunks.forEach((chunk, i) => {
      const text = prepared.texts[i] ?? '';
      this.texts.set(Buffer.from(chunk.key).toString('hex'), text);
      this.#textBytes += text.length + chunk.body.length;
    });
  }

  remove(path: string): void {
    this.#set(path, undefined);
  }

  #set(path: string, prepared: PreparedFile | undefined): void {
    this.chunks += (prepared?.file.chunks.length ?? 0) - (this.#files.get(path)?.file.chunks.length ?? 0);
    this.#files.set(path, prepared);
  }
}

/** Vectors of those texts that the lane's space does not hold yet; undefined when it holds all. */
export async function embedMissing(
  store: VectorStore,
  lane: Lane,
  texts: ReadonlyMap<string, string>,
  throttle: Throttle,
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
  for (let start = 0; start < count;) {
    const some = wanted.slice(start, start + throttle.batch);
    const part = await throttle.paced(() => lane.embedder.embed(some, 'passage', signal), signal);
    vectors.set(part, start * dimension);
    start += some.length;
  }
  return { space: lane.space, keys, vectors };
}
