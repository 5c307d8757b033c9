/** What runs in a process of its own, so that memory and loading are those of one engine. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadContender } from './contenders/index.ts';
import type { OpenIndex, Point } from './contenders/types.ts';
import { openData, type DataName } from './data/catalog.ts';
import { queriesOf } from './data/dataset.ts';
import { combine, pass, type Pass, type PointResult } from './measure.ts';
import { recallOf, truthOf } from './truth.ts';

interface OneEngine {
  contender: string;
  data: DataName;
  /** Where the index lies. */
  folder: string;
}
export interface BuildTask extends OneEngine {
  kind: 'build';
}
export interface LoadTask extends OneEngine {
  kind: 'load';
  k: number;
  /** Files are read from the disk, not from the memory of the operating system. */
  cold: boolean;
}
export interface SweepTask {
  kind: 'sweep';
  data: DataName;
  k: number;
  rounds: number;
  contenders: { contender: string; folder: string }[];
}

export interface BuildResult {
  version: string;
  setup: string;
  seconds: number;
  insertSeconds?: number;
  bytesOnDisk: number;
  /** Growth of the largest resident memory; undefined where the system does not say. */
  peakBytes: number | undefined;
}
export interface LoadResult {
  openMs: number;
  firstQueryMs: number;
  /** Growth of resident memory after 200 queries at the setting an engine opens with. */
  residentBytes: number;
  declaredBytes: Record<string, number> | undefined;
}
export type SweepResult = Record<string, PointResult[]>;

const slowQueries = 20;
const memoryQueries = 200;

export async function build({ contender: name, data, folder }: BuildTask): Promise<BuildResult> {
  const dataset = openData(data);
  const contender = loadContender(name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const time = await contender.build(dataset, folder);
  const peak = peakResident();
  return {
    version: contender.version,
    setup: contender.setup,
    ...time,
    bytesOnDisk: bytesIn(folder),
    peakBytes: peak === undefined ? undefined : Math.max(0, peak - before),
  };
}

export async function load({ contender: name, data, folder, k, cold }: LoadTask): Promise<LoadResult> {
  const dataset = openData(data);
  const queries = queriesOf(dataset);
  const contender = loadContender(name);
  if (cold) forgetFiles(folder);
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const start = performance.now();
  const index = await contender.open(dataset, folder);
  const opened = performance.now();
  const [first] = queries;
  if (first !== undefined) await index.prepare(first, k)();
  const answered = performance.now();
  for (const query of queries.slice(0, contender.slow ? slowQueries : memoryQueries)) await index.prepare(query, k)();
  globalThis.gc?.();
  const result = {
    openMs: opened - start,
    firstQueryMs: answered - opened,
    residentBytes: process.memoryUsage.rss() - before,
    declaredBytes: await index.declaredBytes(),
  };
  await index.close();
  return result;
}

/** All engines in one process, setting after setting, in rounds: what disturbs the machine disturbs all of them. */
export async function sweep({ data, k, rounds, contenders }: SweepTask): Promise<SweepResult> {
  const dataset = openData(data);
  const truth = await truthOf(dataset);
  const all = queriesOf(dataset);
  const running: {
    name: string;
    index: OpenIndex;
    queries: Float32Array[];
    points: { point: Point; passes: Pass[] }[];
  }[] = [];
  for (const { contender: name, folder } of contenders) {
    const contender = loadContender(name);
    running.push({
      name,
      index: await contender.open(dataset, folder),
      queries: contender.slow ? all.slice(0, slowQueries) : all,
      points: contender.points(dataset.count).map((point) => ({ point, passes: [] })),
    });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { index, queries, points } of running) {
      for (const { point, passes } of points) passes.push(await pass(index, point, queries, k, round === 0));
    }
  }
  const result: SweepResult = {};
  for (const { name, index, points } of running) {
    result[name] = points.map(({ point, passes }) => {
      const rows = passes[0]?.rows ?? [];
      return { ...point, recall: recallOf(truth, rows, k), queries: rows.length, ...combine(passes) };
    });
    await index.close();
  }
  return result;
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

function peakResident(): number | undefined {
  if (!existsSync('/proc/self/status')) return undefined;
  const kibibytes = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** GNU dd tells the kernel to drop what it keeps of a file. */
function forgetFiles(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    spawnSync('dd', [`if=${file}`, 'of=/dev/null', 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
  }
}
