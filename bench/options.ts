import { parseArgs } from 'node:util';
import { codeLanes, type CodeLane } from './data/code.ts';
import { contenderOfPeer, peerNames } from './contenders/index.ts';
import { tiercelVariants } from './contenders/tiercel.ts';
import { dataNames, type DataName } from './data/catalog.ts';

export interface EngineOptions {
  data: DataName[];
  contenders: string[];
  k: number;
  rounds: number;
  /** Processes in which loading is measured. */
  loads: number;
  /** Loading is measured with the files on disk only, as well. */
  cold: boolean;
  /** Indexes that an earlier run has built are used again; their build times are then those of that run. */
  reuse: boolean;
  json: string | undefined;
  svg: string | undefined;
}

export interface GpuBenchOptions {
  /** Vectors that the kernels compare. */
  sizes: number[];
  /** Of the batch. */
  queries: number;
  dimension: number;
  /** Vectors of the indexes that are searched with the GPU and without. */
  indexes: number[];
  /** Software Vulkan is taken. */
  software: boolean;
  json: string | undefined;
}

export interface PrepareOptions {
  lane: CodeLane;
  minutes: number;
}

export const usage = `npm run bench -- engine [OPTION …]
  --data mixture,code      mixture (default), code, code-instant, code-lsa, code-deep
  --n 100000               vectors of the mixture
  --dim 768                components of the mixture
  --seed 1                 of the mixture
  --queries 500            of the mixture
  --ours LIST              ${Object.keys(tiercelVariants).join(', ')}; none
  --peers LIST             ${peerNames.join(', ')}; none; default usearch,hnswlib,lancedb
  --k 10                   neighbours that are asked for
  --rounds 3               passes over all queries and settings
  --no-cold                do not measure loading from the disk
  --reuse                  use indexes of an earlier run
  --quick                  5,000 vectors of 128 components, no peers, one round
  --json FILE              all figures
  --svg FILE               recall over latency
npm run bench -- gpu [OPTION …]
  --n 10000,100000,1000000 vectors that the kernels compare
  --queries 1024           of the batch, which is measured up to 100,000 vectors; 64 on software Vulkan
  --index 100000           vectors of indexes that are searched with the GPU and without (24000 on software Vulkan); none
  --software               take software Vulkan: proves correctness, says nothing about speed
  --quick                  small sizes, under a minute on software Vulkan
  --json FILE              all figures
npm run bench -- prepare --lane ${codeLanes.join('|')} [--minutes 20]`;

/** @throws Error for the person at the terminal */
export function engineOptions(args: string[]): EngineOptions {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      data: { type: 'string', default: 'mixture' },
      n: { type: 'string' },
      dim: { type: 'string' },
      seed: { type: 'string' },
      queries: { type: 'string' },
      ours: { type: 'string' },
      peers: { type: 'string' },
      k: { type: 'string' },
      rounds: { type: 'string' },
      cold: { type: 'boolean', default: true },
      reuse: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      svg: { type: 'string' },
    },
  });
  const { quick } = values;
  const mixture = {
    count: integer('--n', values.n, quick ? 5000 : 100_000),
    dimension: integer('--dim', values.dim, quick ? 128 : 768),
    seed: integer('--seed', values.seed, 1),
    queries: integer('--queries', values.queries, quick ? 100 : 500),
  };
  const ours = list('--ours', values.ours ?? Object.keys(tiercelVariants).join(','), Object.keys(tiercelVariants));
  const peers = list('--peers', values.peers ?? (quick ? 'none' : 'usearch,hnswlib,lancedb'), [...peerNames]);
  return {
    data: values.data.split(',').flatMap((word) => dataNames(word, mixture)),
    contenders: [...ours, ...peers.map(contenderOfPeer), 'scalar-loop'],
    k: integer('--k', values.k, 10),
    rounds: integer('--rounds', values.rounds, quick ? 1 : 3),
    loads: quick ? 1 : 3,
    cold: values.cold && !quick,
    reuse: values.reuse,
    json: values.json,
    svg: values.svg,
  };
}

/** @throws Error for the person at the terminal */
export function gpuOptions(args: string[]): GpuBenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      n: { type: 'string' },
      queries: { type: 'string' },
      index: { type: 'string' },
      software: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const { quick, software } = values;
  const index = values.index ?? (quick ? '21000' : software ? '24000' : '100000');
  return {
    sizes: integers('--n', values.n ?? (quick ? '2500' : '10000,100000,1000000')),
    queries: integer('--queries', values.queries, quick ? 70 : software ? 64 : 1024),
    dimension: quick ? 128 : 768,
    indexes: index === 'none' ? [] : integers('--index', index),
    software,
    json: values.json,
  };
}

/** @throws Error for the person at the terminal */
export function prepareOptions(args: string[]): PrepareOptions {
  const { values } = parseArgs({ args, options: { lane: { type: 'string' }, minutes: { type: 'string' } } });
  const lane = codeLanes.find((known) => known === values.lane);
  if (lane === undefined) throw new Error(`--lane is one of ${codeLanes.join(', ')}.`);
  return { lane, minutes: integer('--minutes', values.minutes, 20) };
}

function integer(option: string, value: string | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${option} is a whole number from 1, not ${value}.`);
  return number;
}

function integers(option: string, value: string): number[] {
  return value.split(',').map((word) => integer(option, word, 0));
}

function list(option: string, value: string, known: string[]): string[] {
  if (value === 'none') return [];
  const words = value.split(',');
  const strange = words.filter((word) => !known.includes(word));
  if (strange.length > 0)
    throw new Error(`${option}: there is no ${strange.join(', ')}; there are ${known.join(', ')}.`);
  return words;
}
