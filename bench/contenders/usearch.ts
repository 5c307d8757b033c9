import { join } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { loadPeer } from './peers.ts';
import { type Contender, type OpenIndex, type Point, Stopwatch } from './types.ts';

interface Index {
  add(keys: BigUint64Array, vectors: Float32Array, threads: number): void;
  search(query: Float32Array, k: number, threads: number): { keys: BigUint64Array };
  save(path: string): void;
  load(path: string): void;
}
interface Library {
  Index: new (config: {
    dimensions: number;
    metric: 'ip';
    quantization: 'f16' | 'i8';
    connectivity: number;
    expansion_add: number;
    expansion_search: number;
    multi: boolean;
  }) => Index;
}

const connectivity = 16;
const expansionAdd = 128;
const fileName = 'index.usearch';

/** HNSW over f16 or int8 vectors. */
export function usearch(quantization: 'f16' | 'i8'): Contender {
  const { library: loaded, version } = loadPeer('usearch');
  const library = loaded as Library;
  const make = (dimensions: number, expansionSearch: number): Index =>
    new library.Index({
      dimensions,
      metric: 'ip',
      quantization,
      connectivity,
      expansion_add: expansionAdd,
      expansion_search: expansionSearch,
      multi: false,
    });
  return {
    version,
    setup: `HNSW, ${quantization}, M ${connectivity}, ef of construction ${expansionAdd}`,
    slow: false,
    points: () =>
      [16, 32, 64, 128, 256, 512, 1024].map((ef) => ({ label: `ef ${ef}`, parameters: { expansionSearch: ef } })),
    async build(dataset, folder) {
      const index = make(dataset.dimension, 64);
      const watch = new Stopwatch();
      for (const { start, vectors } of dataset.blocks()) {
        const keys = BigUint64Array.from({ length: vectors.length / dataset.dimension }, (_, row) =>
          BigInt(start + row),
        );
        await watch.time(() => index.add(keys, vectors, 1));
      }
      await watch.time(() => index.save(join(folder, fileName)));
      return { seconds: watch.seconds };
    },
    open: (dataset, folder) => Promise.resolve(openIndex(make, dataset, join(folder, fileName))),
  };
}

function openIndex(make: (dimensions: number, ef: number) => Index, dataset: Dataset, file: string): OpenIndex {
  let ef = 64;
  const load = (): Index => {
    const fresh = make(dataset.dimension, ef);
    fresh.load(file);
    return fresh;
  };
  let index = load();
  return {
    // The npm package fixes the width of the search when an index is made.
    tune({ parameters }: Point) {
      const wanted = parameters['expansionSearch'] ?? ef;
      if (wanted === ef) return;
      ef = wanted;
      index = load();
      globalThis.gc?.();
    },
    prepare: (query, k) => () => {
      const { keys } = index.search(query, k, 1);
      return { rows: () => Array.from(keys, Number) };
    },
    declaredBytes: () => Promise.resolve(undefined),
    close: () => undefined,
  };
}
