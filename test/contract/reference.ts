/**
 * A second implementation of the store, as plain as possible: the oracle the engine is compared with.
 *
 * Vectors are kept as 32-bit floats and compared one by one; BM25F is computed by its formula over all chunks. Words are
 * not stemmed, so texts compared with the engine's must be of words that stemming leaves alone. Stores live as long as
 * the process, by directory.
 */
import { TiercelError, cancelled, errorCodes } from '../../protocol/errors.ts';
import {
  type ChunkInfo,
  type ChunkRecord,
  type FileRecord,
  type Filter,
  type Hit,
  type OpenOptions,
  type SpaceSpec,
  type VectorStore,
  hashBytes,
} from '../../server/src/store/types.ts';

interface Chunk extends ChunkRecord {
  id: number;
  path: string;
  language: string;
}

interface File extends Omit<FileRecord, 'chunks'> {
  chunks: Chunk[];
}

interface State {
  generation: number;
  nextId: number;
  trees: Map<string, Map<string, File>>;
  vectors: Map<string, Map<string, Float32Array>>;
  dimensions: Map<string, number>;
}

const states = new Map<string, State>();

export function openReferenceStore({ directory, spaces }: OpenOptions): Promise<VectorStore> {
  const state = states.get(directory) ?? {
    generation: 0,
    nextId: 1,
    trees: new Map(),
    vectors: new Map(),
    dimensions: new Map(),
  };
  states.set(directory, state);
  for (const { name, dimension } of spaces) {
    if ((state.dimensions.get(name) ?? dimension) !== dimension || dimension < 1) {
      return Promise.reject(wrong(`The space ${name} has another dimension.`));
    }
    state.dimensions.set(name, dimension);
    if (!state.vectors.has(name)) state.vectors.set(name, new Map());
  }
  return Promise.resolve(new ReferenceStore(state, spaces));
}

class ReferenceStore implements VectorStore {
  readonly #state: State;
  readonly #spaces: Map<string, number>;
  #closed = false;

  constructor(state: State, spaces: SpaceSpec[]) {
    this.#state = state;
    this.#spaces = new Map(spaces.map(({ name, dimension }) => [name, dimension]));
  }

  commit: VectorStore['commit'] = ({ tree, put, remove, vectors }) =>
    this.#run(() => {
      checkBatch(tree, put, remove);
      const rows = vectors.flatMap(({ space, keys, vectors: numbers }) =>
        rowsOf(keys, numbers, this.#dimension(space)).map((row) => ({ ...row, known: this.#vectorsOf(space) })),
      );
      const files = this.#state.trees.get(tree) ?? new Map<string, File>();
      const gone = remove.filter((path) => files.has(path));
      const fresh = rows.filter(({ key, known }) => !known.has(key));
      for (const { key, vector, known } of fresh) if (!known.has(key)) known.set(key, vector);
      for (const path of gone) files.delete(path);
      for (const { chunks, ...file } of put) {
        const owned = chunks.map((chunk) => ({
          ...chunk,
          id: this.#state.nextId++,
          path: file.path,
          language: file.language,
        }));
        files.set(file.path, { ...file, chunks: owned });
      }
      if (put.length + gone.length > 0) this.#state.trees.set(tree, files);
      if (put.length + gone.length + fresh.length > 0) this.#state.generation++;
      return { generation: this.#state.generation, ...counted([...files.values()]) };
    });

  searchVectors: VectorStore['searchVectors'] = async ({ tree, space, vectors, k, filter }, signal) => {
    const known = await this.#run(() => this.#vectorsOf(space));
    checkCount(k);
    const dimension = this.#dimension(space);
    if (vectors.length % dimension !== 0) throw wrong('These are not vectors of this dimension.');
    const chunks = this.#passing(tree, filter);
    return this.#each(vectors.length / dimension, signal, (at) => {
      const query = normalised(vectors.subarray(at * dimension, (at + 1) * dimension));
      return best(
        chunks.flatMap(({ id, key }) => {
          const vector = known.get(hex(key));
          return vector === undefined ? [] : [{ id, score: dot(query, vector) }];
        }),
        k,
      );
    });
  };

  searchText: VectorStore['searchText'] = async ({ tree, queries, k, filter }, signal) => {
    const passing = new Set((await this.#run(() => this.#passing(tree, filter))).map(({ id }) => id));
    checkCount(k);
    const all = [...this.#state.trees.values()].flatMap((files) => [...files.values()]).flatMap(({ chunks }) => chunks);
    const fields = [
      { weight: 1, b: 0.6, texts: all.map(({ body }) => termsOf(body)) },
      { weight: 3, b: 0.5, texts: all.map(({ symbol }) => termsOf(symbol)) },
      { weight: 1, b: 0.5, texts: all.map(({ doc }) => termsOf(doc)) },
      { weight: 1, b: 0.5, texts: all.map(({ path }) => termsOf(path)) },
    ].map((field) => ({
      ...field,
      average: field.texts.reduce((sum, text) => sum + text.length, 0) / field.texts.length || 1,
    }));
    return this.#each(queries.length, signal, (at) => {
      const scores = all.map(() => 0);
      for (const [term, weight] of weightsOf(queries[at] ?? '')) {
        const counts = fields.map(({ texts }) => texts.map((text) => text.filter((word) => word === term).length));
        const having = Math.max(...counts.map((list) => list.filter((count) => count > 0).length));
        const idf = Math.log(1 + (all.length - having + 0.5) / (having + 0.5));
        for (const chunk of all.keys()) {
          const frequency = fields.reduce((sum, { weight: of, b, texts, average }, field) => {
            const length = 1 - b + (b * (texts[chunk]?.length ?? 0)) / average;
            return sum + (of * (counts[field]?.[chunk] ?? 0)) / length;
          }, 0);
          scores[chunk] = (scores[chunk] ?? 0) + (weight * idf * 2.2 * frequency) / (1.2 + frequency);
        }
      }
      const hits = all.map(({ id }, chunk) => ({ id, score: scores[chunk] ?? 0 }));
      return best(
        hits.filter(({ id, score }) => score > 0 && passing.has(id)),
        k,
      );
    });
  };

  chunks: VectorStore['chunks'] = (selector) =>
    this.#run(() => {
      if ('ids' in selector) {
        const all = [...this.#state.trees.keys()].flatMap((tree) => this.#passing(tree, undefined));
        return [...selector.ids].flatMap((id) => all.filter((chunk) => chunk.id === id)).map(infoOf);
      }
      checkPath(selector.path);
      const file = this.#state.trees.get(selector.tree)?.get(selector.path);
      return (file?.chunks ?? []).toSorted((a, b) => a.startLine - b.startLine || a.id - b.id).map(infoOf);
    });

  files: VectorStore['files'] = (tree, limit, after) =>
    this.#run(() => {
      if (!(limit >= 1)) throw wrong('A page of no files never ends.');
      const order = (a: File, b: File): number => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
      const known = [...(this.#state.trees.get(tree)?.values() ?? [])].toSorted(order);
      const rest = known.filter(
        ({ path }) => after === undefined || Buffer.compare(Buffer.from(path), Buffer.from(after)) > 0,
      );
      const files = rest.slice(0, limit).map(({ chunks, ...file }) => ({ ...file, chunkCount: chunks.length }));
      const next = rest.length > limit ? files.at(-1)?.path : undefined;
      return next === undefined ? { files } : { files, next };
    });

  missing: VectorStore['missing'] = ({ space, keys, tree, limit }) =>
    this.#run(() => {
      const known = this.#vectorsOf(space);
      if (keys !== undefined && tree === undefined) {
        const lacking = new Set(rowsOf(keys, undefined, 0).map(({ key }) => key));
        const wanted = [...lacking].filter((key) => !known.has(key)).slice(0, limit);
        return { keys: Uint8Array.from(Buffer.from(wanted.join(''), 'hex')), paths: [] };
      }
      if (tree === undefined || keys !== undefined) throw wrong('Keys or tree, one of both.');
      const lacking = this.#passing(tree, undefined).filter(({ key }) => !known.has(hex(key)));
      const paths = [...new Set(lacking.map(({ path }) => path))];
      paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      return { keys: new Uint8Array(), paths: paths.slice(0, limit) };
    });

  stats: VectorStore['stats'] = (tree) =>
    this.#run(() => {
      const files = [...(this.#state.trees.get(tree)?.values() ?? [])];
      const chunks = files.flatMap((file) => file.chunks);
      const tally = (names: string[]): Record<string, number> => {
        const counts: Record<string, number> = {};
        for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
        return counts;
      };
      return {
        generation: this.#state.generation,
        ...counted(files),
        knownFiles: files.length,
        bytesOnDisk: 0,
        bytesInMemory: 0,
        spaces: [...this.#spaces].map(([name, dimension]) => ({
          name,
          dimension,
          vectors: this.#vectorsOf(name).size,
          covered: chunks.filter(({ key }) => this.#vectorsOf(name).has(hex(key))).length,
          bytesInMemory: 0,
        })),
        outcomes: tally(files.map(({ outcome }) => outcome).filter((outcome) => outcome !== '')),
        languages: tally(files.filter((file) => file.chunks.length > 0).map(({ language }) => language)),
      };
    });

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #run<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (this.#closed) throw wrong('The store is closed.');
      resolve(work());
    });
  }

  /** One turn of the event loop per query, so that an abort gets a chance. */
  async #each(count: number, signal: AbortSignal | undefined, search: (at: number) => Hit[]): Promise<Hit[][]> {
    const lists: Hit[][] = [];
    for (let at = 0; at < count; at++) {
      if (signal?.aborted === true) throw cancelled();
      lists.push(search(at));
      await Promise.resolve();
    }
    if (signal?.aborted === true) throw cancelled();
    return lists;
  }

  #passing(tree: string, filter: Filter | undefined): Chunk[] {
    if (tree === '') throw wrong('A tree has a path.');
    const { languages = [], paths = [], ids } = filter ?? {};
    const files = [...(this.#state.trees.get(tree)?.values() ?? [])].filter(
      ({ path, language }) =>
        (languages.length === 0 || languages.includes(language)) &&
        (paths.length === 0 || paths.some((glob) => expression(glob).test(path))),
    );
    return files.flatMap(({ chunks }) => chunks).filter(({ id }) => ids?.includes(id) ?? true);
  }

  #dimension(space: string): number {
    const dimension = this.#spaces.get(space);
    if (dimension === undefined) throw wrong(`The store was not opened with the space ${space}.`);
    return dimension;
  }

  #vectorsOf(space: string): Map<string, Float32Array> {
    this.#dimension(space);
    return this.#state.vectors.get(space) ?? new Map<string, Float32Array>();
  }
}

function wrong(message: string): TiercelError {
  return new TiercelError(errorCodes.fixTheCall, message);
}

function checkCount(k: number): void {
  if (!(k >= 0)) throw wrong('k is a number from 0 on.');
}

function checkBatch(tree: string, put: FileRecord[], remove: string[]): void {
  if (tree === '') throw wrong('A tree has a path.');
  const paths = [...put.map(({ path }) => path), ...remove];
  paths.forEach(checkPath);
  if (new Set(paths).size !== paths.length) throw wrong('A path is in the batch twice.');
  for (const { language, contentHash, chunks } of put) {
    const hashes = [contentHash, ...chunks.map(({ key }) => key)];
    if (language === '' || hashes.some(({ length }) => length !== hashBytes)) throw wrong('Not a file.');
    if (chunks.some(({ startLine, endLine }) => endLine < startLine)) throw wrong('A chunk ends before it starts.');
  }
}

function checkPath(path: string): void {
  if (/^[A-Za-z]:[/\\]/.test(path) || path.split('/').some((part) => ['', '.', '..'].includes(part))) {
    throw wrong(`${path} is not a path within a tree.`);
  }
}

function rowsOf(keys: Uint8Array, numbers: Float32Array | undefined, dimension: number) {
  const count = keys.length / hashBytes;
  if (!Number.isInteger(count) || (numbers !== undefined && numbers.length !== count * dimension)) {
    throw wrong('Keys and vectors do not fit together.');
  }
  return Array.from({ length: count }, (_, at) => ({
    key: hex(keys.subarray(at * hashBytes, (at + 1) * hashBytes)),
    vector:
      numbers === undefined ? new Float32Array() : normalised(numbers.subarray(at * dimension, (at + 1) * dimension)),
  }));
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  if (!Number.isFinite(length) || length === 0) throw wrong('A vector without direction.');
  return vector.map((x) => x / length);
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, at) => sum + x * (b[at] ?? 0), 0);
}

function best(hits: Hit[], k: number): Hit[] {
  return hits.toSorted((a, b) => b.score - a.score || a.id - b.id).slice(0, k);
}

function counted(files: File[]): { files: number; chunks: number } {
  return {
    files: files.filter(({ chunks }) => chunks.length > 0).length,
    chunks: files.reduce((sum, { chunks }) => sum + chunks.length, 0),
  };
}

function infoOf({ id, path, language, startLine, endLine, key, payload }: Chunk): ChunkInfo {
  return { id, path, language, startLine, endLine, key, payload };
}

function hex(key: Uint8Array): string {
  return Buffer.from(key).toString('hex');
}

/** `*` stays in its folder, `**` crosses folders, a pattern without `/` is that of a name. */
function expression(glob: string): RegExp {
  const source = glob
    .split(/(\*\*\/|\*\*|\*)/)
    .map(
      (part) => ({ '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*' })[part] ?? part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('');
  return new RegExp(`^${glob.includes('/') ? '' : '(?:.*/)?'}${source}$`, 'u');
}

/** Parts of identifiers, and identifiers whole without underscores: the engine's terms without stemming. */
function termsOf(text: string): string[] {
  return (text.match(/[\p{L}\p{N}_]+/gu) ?? []).flatMap((word) => {
    const parts = word.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}]+|\p{N}+/gu) ?? [];
    return [...parts, ...(parts.length > 1 ? [word.replaceAll('_', '')] : [])].map((part) => part.toLowerCase());
  });
}

/** Terms of a query: what comes again counts `1 + ln(times)`, two neighbours taken for one identifier half. */
function weightsOf(query: string): Map<string, number> {
  const words = query.match(/[\p{L}\p{N}_]+/gu) ?? [];
  const times = new Map<string, number>();
  for (const term of words.flatMap(termsOf)) times.set(term, (times.get(term) ?? 0) + 1);
  const weights = new Map([...times].map(([term, count]) => [term, 1 + Math.log(count)]));
  words.slice(1).forEach((word, at) => {
    const joined = `${words[at] ?? ''}${word}`.replaceAll('_', '').toLowerCase();
    if (!weights.has(joined)) weights.set(joined, 0.5);
  });
  return weights;
}
