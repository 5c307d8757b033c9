/** Files, chunks and vectors for the store's tests; reproducible, small, and made of words that stemming leaves alone. */
import { createHash } from 'node:crypto';
import { type ChunkRecord, type FileRecord, type VectorBatch, hashBytes } from '../../server/src/store/types.ts';

export const tree = '/home/somebody/a project';
export const space = { name: 'instant:test', dimension: 32 };

/** The 16-byte hash of a text. */
export function keyOf(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest().subarray(0, hashBytes));
}

/** A chunk whose key is that of its body. */
export function chunk(body: string, more: Partial<ChunkRecord> = {}): ChunkRecord {
  const payload = new TextEncoder().encode(`payload of ${body}`);
  return { key: keyOf(body), startLine: 1, endLine: 2, payload, symbol: '', doc: '', body, ...more };
}

/** A file of these chunks, in TypeScript. */
export function file(path: string, chunks: ChunkRecord[], more: Partial<FileRecord> = {}): FileRecord {
  const contentHash = keyOf(chunks.map(({ body }) => body).join('\n'));
  return {
    path,
    language: 'typescript',
    size: 100,
    mtimeMs: 1_700_000_000_123.5,
    contentHash,
    outcome: '',
    chunks,
    ...more,
  };
}

/** A direction that depends on the text only. */
export function vectorOf(text: string, dimension = space.dimension): Float32Array {
  const random = generator(keyOf(text).reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7));
  return Float32Array.from({ length: dimension }, () => random() * 2 - 1);
}

/** The vectors of these chunks, by body. */
export function vectorsOf(chunks: ChunkRecord[], name = space.name, dimension = space.dimension): VectorBatch {
  return {
    space: name,
    keys: joined(chunks.map(({ key }) => key)),
    vectors: Float32Array.from(chunks.flatMap(({ body }) => [...vectorOf(body, dimension)])),
  };
}

/** Byte arrays, one after the other. */
export function joined(arrays: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(arrays));
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Made-up words that no stemmer touches. */
const syllables = ['ba', 'ko', 'mu', 'ri', 'zo', 'pa', 'tu', 'no'];
const words = syllables.flatMap((a) => syllables.flatMap((b) => [`${a}${b}k`, `${a}${b}m`]));

/** A corpus of `count` chunks in files of one to five, in two languages and several folders. */
export function corpus(count: number, seed: number): FileRecord[] {
  const random = generator(seed);
  const pick = <T>(list: readonly T[], fallback: T): T =>
    list[Math.floor(random() * random() * list.length)] ?? fallback;
  const text = (length: number): string => Array.from({ length }, () => pick(words, 'bak')).join(' ');
  const files: FileRecord[] = [];
  for (let made = 0; made < count;) {
    const chunks: ChunkRecord[] = [];
    const wanted = Math.min(1 + Math.floor(random() * 5), count - made);
    for (let at = 0; at < wanted; at++, made++) {
      const [first, second] = [pick(words, 'bak'), pick(words, 'bom')];
      const symbol = `${first}${second.charAt(0).toUpperCase()}${second.slice(1)}`;
      const length = 3 + Math.floor(random() * 20);
      chunks.push(chunk(text(length), { startLine: at * 10 + 1, endLine: at * 10 + 10, symbol, doc: text(3) }));
    }
    const python = random() < 0.3;
    const folder = pick(['src', 'src/deep/er', 'lib', 'with space'], 'src');
    const path = `${folder}/${pick(words, 'bak')}-${String(files.length)}.${python ? 'py' : 'ts'}`;
    files.push(file(path, chunks, { language: python ? 'python' : 'typescript' }));
  }
  return files;
}

/** Texts to look for in a {@link corpus}. */
export function questions(count: number, seed: number): string[] {
  const random = generator(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + Math.floor(random() * 3) }, () => words[Math.floor(random() * words.length)] ?? '').join(
      ' ',
    ),
  );
}
