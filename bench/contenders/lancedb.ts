import type { Dataset } from '../data/dataset.ts';
import { loadPeer } from './peers.ts';
import { type Contender, type OpenIndex, Stopwatch } from './types.ts';

interface Query extends AsyncIterable<unknown> {
  distanceType(type: 'cosine'): Query;
  nprobes(count: number): Query;
  refineFactor(factor: number): Query;
  select(columns: string[]): Query;
  limit(k: number): Query;
  toArray(): Promise<{ row: number }[]>;
}
interface Table {
  add(data: unknown): Promise<unknown>;
  createIndex(column: string, options: { config: unknown; waitTimeoutSeconds: number }): Promise<void>;
  vectorSearch(query: Float32Array): Query;
  close(): void;
}
interface Connection {
  createTable(name: string, data: unknown): Promise<Table>;
  openTable(name: string): Promise<Table>;
}
interface Lance {
  connect(folder: string): Promise<Connection>;
  Index: { ivfRq(options: { distanceType: 'cosine'; numBits: number }): unknown };
}
type Opaque = object;
interface Arrow {
  Float32: new () => Opaque;
  Uint32: new () => Opaque;
  Field: new (name: string, type: Opaque, nullable: boolean) => Opaque;
  FixedSizeList: new (length: number, item: Opaque) => Opaque;
  Schema: new (fields: Opaque[]) => Opaque;
  Struct: new (fields: Opaque[]) => Opaque;
  RecordBatch: new (schema: Opaque, data: Opaque) => Opaque;
  Table: new (schema: Opaque, batches: Opaque[]) => Opaque;
  makeData(options: Record<string, unknown>): Opaque;
}

const settings: readonly (readonly [nprobes: number, refineFactor: number])[] = [
  [4, 2],
  [8, 3],
  [16, 4],
  [32, 5],
  [64, 10],
  [128, 20],
  [256, 40],
];

/** IVF over 1-bit RaBitQ codes, refined from the f32 vectors on disk. */
export function lancedb(): Contender {
  // Read when the library starts its thread pools. With one thread for reading it waits for itself for ever.
  process.env['LANCE_CPU_THREADS'] ??= '1';
  const { library: loaded, version } = loadPeer('@lancedb/lancedb');
  const library = loaded as Lance;
  const arrow = loadPeer('apache-arrow').library as Arrow;
  return {
    version,
    setup: 'IVF_RQ, 1 bit, partitions as it chooses, cosine',
    slow: false,
    points: () =>
      settings.map(([nprobes, refineFactor]) => ({
        label: `nprobes ${nprobes}, refine ${refineFactor}`,
        parameters: { nprobes, refineFactor },
      })),
    async build(dataset, folder) {
      const watch = new Stopwatch();
      const connection = await library.connect(folder);
      let table: Table | undefined;
      for (const { start, vectors } of dataset.blocks()) {
        const batch = arrowTable(arrow, dataset, start, vectors);
        await watch.time(async () => {
          if (table === undefined) table = await connection.createTable('vectors', batch);
          else await table.add(batch);
        });
      }
      const insertSeconds = watch.seconds;
      const config = library.Index.ivfRq({ distanceType: 'cosine', numBits: 1 });
      await watch.time(() => table?.createIndex('vector', { config, waitTimeoutSeconds: 3600 }));
      table?.close();
      return { seconds: watch.seconds, insertSeconds };
    },
    open: async (_dataset, folder) => openIndex(await (await library.connect(folder)).openTable('vectors')),
  };
}

function openIndex(table: Table): OpenIndex {
  let nprobes = 20;
  let refineFactor = 5;
  return {
    tune({ parameters }) {
      nprobes = parameters['nprobes'] ?? nprobes;
      refineFactor = parameters['refineFactor'] ?? refineFactor;
    },
    prepare: (query, k) => async () => {
      const search = table.vectorSearch(query).distanceType('cosine').nprobes(nprobes).refineFactor(refineFactor);
      const found = await search.select(['row', '_distance']).limit(k).toArray();
      return { rows: () => found.map(({ row }) => row) };
    },
    declaredBytes: () => Promise.resolve(undefined),
    close: () => table.close(),
  };
}

function arrowTable(arrow: Arrow, { dimension }: Dataset, start: number, vectors: Float32Array): Opaque {
  const length = vectors.length / dimension;
  const item = new arrow.Field('item', new arrow.Float32(), true);
  const list = new arrow.FixedSizeList(dimension, item);
  const fields = [new arrow.Field('row', new arrow.Uint32(), false), new arrow.Field('vector', list, false)];
  const schema = new arrow.Schema(fields);
  const rows = Uint32Array.from({ length }, (_, row) => start + row);
  const children = [
    arrow.makeData({ type: new arrow.Uint32(), length, nullCount: 0, data: rows }),
    arrow.makeData({
      type: list,
      length,
      nullCount: 0,
      child: arrow.makeData({ type: new arrow.Float32(), length: vectors.length, nullCount: 0, data: vectors }),
    }),
  ];
  const data = arrow.makeData({ type: new arrow.Struct(fields), length, nullCount: 0, children });
  return new arrow.Table(schema, [new arrow.RecordBatch(schema, data)]);
}
