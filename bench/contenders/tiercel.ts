import { createRequire } from 'node:module';
import manifest from '../../package.json' with { type: 'json' };
import type * as Addon from '../../server/src/native/addon.d.ts';
import { Random } from '../random.ts';
import { type Contender, type OpenIndex, type Point, Stopwatch } from './types.ts';

export interface TiercelVariant {
  setup: string;
  index: 'auto' | 'exact' | 'lsh';
  planes: boolean;
  halves: boolean;
  /** What the engine may hold in memory per vector; everything when absent. It counts for a whole process. */
  bytesPerVector?: (dimension: number) => number;
}

/** Components after padding. */
const padded = (dimension: number): number => Math.ceil(dimension / 64) * 64;
const bitsBytes = (dimension: number): number => padded(dimension) / 8 + 8;
const planesBytes = (dimension: number): number => (3 * padded(dimension)) / 8 + 4;
/** What does not depend on the number of vectors, and room for keys and filters. */
const sparePerVector = 24;
const spareBytes = 4 * 2 ** 20;
const plenty = 8 * 2 ** 30;

const plain = { index: 'auto', planes: true, halves: false } as const;

/** Ways to use the engine, by the name they have in the tables. */
export const tiercelVariants: Readonly<Record<string, TiercelVariant>> = {
  tiercel: { ...plain, setup: 'index by size, 1-, 4- and 8-bit codes, all in memory' },
  'tiercel-f16': { ...plain, halves: true, setup: 'index by size, 1-, 4-, 8-bit and f16 codes, all in memory' },
  'tiercel-no-planes': { ...plain, planes: false, setup: 'index by size, 1- and 8-bit codes, all in memory' },
  'tiercel-4bit': {
    ...plain,
    setup: 'index by size, memory for 1- and 4-bit codes only',
    bytesPerVector: (dimension) => bitsBytes(dimension) + planesBytes(dimension) + sparePerVector,
  },
  'tiercel-1bit': {
    ...plain,
    planes: false,
    setup: 'index by size, memory for 1-bit codes only',
    bytesPerVector: (dimension) => bitsBytes(dimension) + sparePerVector,
  },
  'tiercel-exact': { ...plain, index: 'exact', setup: 'every int8 code compared' },
  'tiercel-lsh': { ...plain, index: 'lsh', setup: 'hierarchical LSH, 16 and 64 functions' },
};

const points: Point[] = [
  { label: 'recall .95', parameters: { recall: 0.95 } },
  { label: 'recall .985', parameters: { recall: 0.985 } },
  { label: 'recall .995', parameters: { recall: 0.995 } },
];
const exactPoint: Point = { label: 'exact', parameters: { exact: 1 } };

/** @throws Error when the addon is not built or has no vector index */
export function tiercel(variant: TiercelVariant): Contender {
  const engine = loadEngine();
  const { index, planes, halves, setup, bytesPerVector } = variant;
  const open = (folder: string, dimension: number, committed: number): Promise<Addon.NativeVectorIndex> =>
    engine.openVectorIndex(folder, { dimension, index, planes, halves, committed });
  return {
    version: manifest.version,
    setup,
    slow: false,
    points: () => (index === 'exact' ? [exactPoint] : [...points, exactPoint]),
    async build(dataset, folder) {
      const { dimension } = dataset;
      engine.configureEngine({ threads: 1, memoryBudget: plenty });
      const watch = new Stopwatch();
      const native = await watch.time(() => open(folder, dimension, 0));
      for (const { start, vectors } of dataset.blocks()) {
        const keys = keysOf(start, vectors.length / dimension);
        await watch.time(() => native.append(keys, vectors));
      }
      const insertSeconds = watch.seconds;
      await watch.time(() => native.settle());
      await watch.time(() => native.close());
      return { seconds: watch.seconds, insertSeconds };
    },
    async open({ dimension, count }, folder) {
      const memoryBudget = bytesPerVector === undefined ? plenty : spareBytes + count * bytesPerVector(dimension);
      engine.configureEngine({ threads: 1, memoryBudget });
      return openIndex(engine, await open(folder, dimension, count));
    },
  };
}

/** Whether the addon is there and new enough to have what is benched. */
function hasVectorIndex(): boolean {
  const file = process.env['TIERCEL_NATIVE'];
  if (file === undefined) return false;
  return 'openVectorIndex' in (createRequire(import.meta.url)(file) as object);
}

/** @throws Error when the addon is not built or has no vector index */
export function loadEngine(): typeof Addon {
  const file = process.env['TIERCEL_NATIVE'];
  if (file === undefined || !hasVectorIndex()) {
    throw new Error('The search engine has no openVectorIndex: build it again (npm run build -- native).');
  }
  return createRequire(import.meta.url)(file) as typeof Addon;
}

function openIndex(engine: typeof Addon, native: Addon.NativeVectorIndex): OpenIndex {
  // Memory is measured with what takes most of it, short of reading everything.
  let options: Addon.VectorSearchInput = { recall: 0.995 };
  return {
    tune({ parameters: { recall, exact } }) {
      options = exact === 1 ? { exact: true } : recall === undefined ? {} : { recall };
    },
    prepare: (query, k) => async () => {
      const { rows, counts, micros } = await native.search(query, k, options);
      return { rows: () => Array.from(rows.subarray(0, counts[0] ?? 0)), engineMicros: micros[0] ?? 0 };
    },
    // The account is the process's, in which no other index is open when memory is measured.
    declaredBytes: () =>
      Promise.resolve(Object.fromEntries(engine.engineStatus().parts.map(({ name, bytes }) => [name, bytes]))),
    close: () => native.close(),
  };
}

/** A different key for every row. */
function keysOf(start: number, count: number): Uint8Array {
  const words = new Uint32Array(count * 4);
  const random = new Random(0, 0);
  for (let row = 0; row < count; row++) {
    random.restart(1, start + row);
    for (let word = 0; word < 4; word++) words[row * 4 + word] = random.bits();
  }
  return new Uint8Array(words.buffer);
}
