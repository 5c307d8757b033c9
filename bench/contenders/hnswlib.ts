import { join } from 'node:path';
import { loadPeer } from './peers.ts';
import { type Contender, rowOf, Stopwatch } from './types.ts';

interface Index {
  initIndex(options: { maxElements: number; m: number; efConstruction: number; randomSeed: number }): void;
  addPoint(point: number[], label: number): void;
  searchKnn(query: number[], k: number): { neighbors: number[] };
  setEf(ef: number): void;
  writeIndexSync(file: string): void;
  readIndexSync(file: string): void;
}
interface Library {
  HierarchicalNSW: new (space: 'ip', dimension: number) => Index;
}

const m = 16;
const efConstruction = 200;
const fileName = 'index.hnsw';

/** HNSW over f32 vectors. The npm package is compiled for the oldest x86-64, without AVX. */
export function hnswlib(): Contender {
  const { library: loaded, version } = loadPeer('hnswlib-node');
  const library = loaded as Library;
  return {
    version,
    setup: `HNSW, f32, M ${m}, ef of construction ${efConstruction}`,
    slow: false,
    points: () => [16, 32, 64, 128, 256, 512, 1024].map((ef) => ({ label: `ef ${ef}`, parameters: { ef } })),
    async build(dataset, folder) {
      const { dimension, count } = dataset;
      const index = new library.HierarchicalNSW('ip', dimension);
      index.initIndex({ maxElements: count, m, efConstruction, randomSeed: 1 });
      const watch = new Stopwatch();
      for (const { start, vectors } of dataset.blocks()) {
        const points = Array.from({ length: vectors.length / dimension }, (_, row) =>
          Array.from(rowOf(vectors, row, dimension)),
        );
        await watch.time(() => points.forEach((point, row) => index.addPoint(point, start + row)));
      }
      await watch.time(() => index.writeIndexSync(join(folder, fileName)));
      return { seconds: watch.seconds };
    },
    open({ dimension }, folder) {
      const index = new library.HierarchicalNSW('ip', dimension);
      index.readIndexSync(join(folder, fileName));
      return Promise.resolve({
        tune: ({ parameters }) => index.setEf(parameters['ef'] ?? 64),
        prepare(query, k) {
          const numbers = Array.from(query);
          return () => {
            const { neighbors } = index.searchKnn(numbers, k);
            return { rows: () => neighbors };
          };
        },
        declaredBytes: () => Promise.resolve(undefined),
        close: () => undefined,
      });
    },
  };
}
