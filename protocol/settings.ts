/** The settings a user can change, as VS Code's `tiercel.*` section and the LSP initialization options carry them. */
import { z } from 'zod';

export const deepModes = ['auto', 'on', 'on-demand', 'off'] as const;
export type DeepMode = (typeof deepModes)[number];

/** On what models run: anything but `auto` is used or refused with a reason, never replaced. */
export const inferenceProviders = ['auto', 'webgpu', 'cuda', 'directml', 'coreml', 'cpu'] as const;
export type InferenceProvider = (typeof inferenceProviders)[number];

/** `auto` opens the GPU once there are enough vectors for it to matter; `on` at once, and uses it where it is slower. */
export const gpuModes = ['off', 'auto', 'on'] as const;
export type GpuMode = (typeof gpuModes)[number];

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Which pages of vectors stay in memory when not all of them fit. */
export const cachePolicies = ['w-tinylfu', 's3-fifo', 'lru', 'lfu'] as const;
export type CachePolicy = (typeof cachePolicies)[number];

/**
 * `exact` compares with every vector, whatever that costs; `lsh` is there to be measured against `auto`. For indexes
 * opened afterwards.
 */
export const searchIndexes = ['auto', 'exact', 'lsh'] as const;
export type SearchIndex = (typeof searchIndexes)[number];

/**
 * How many of the truly nearest vectors a search aims to find: .95, .985 or .995 of them. Indexes opened afterwards keep
 * codes to match.
 */
export const recallLevels = ['fast', 'balanced', 'precise'] as const;
export type RecallLevel = (typeof recallLevels)[number];

/** MiB; one tebibyte at most. */
const budget = z
  .int()
  .min(0)
  .max(1024 * 1024);

/** Below this the engine's own tables leave no room for a cache. */
export const leastMemoryBudget = 64;

const memorySchema = z.object({
  /** MiB that the engine may hold in memory, all open folders together; 0 means by the machine. */
  budget: budget
    .refine((value) => value === 0 || value >= leastMemoryBudget, {
      error: `It must be 0 or at least ${String(leastMemoryBudget)}`,
    })
    .default(0),
  policy: z.enum(cachePolicies).default('w-tinylfu'),
  /** Vectors that all open indexes may hold together, of all models; 0 means no limit but the budgets. */
  maxVectors: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(0),
});

const diskSchema = z.object({
  /** MiB that the index of one repository may take; 0 means by the machine. */
  budget: budget.default(0),
});

const searchSchema = z.object({
  /** Threads of one search; 0 means by the machine. */
  threads: z.int().min(0).max(256).default(0),
  index: z.enum(searchIndexes).default('auto'),
  recall: z.enum(recallLevels).default('balanced'),
});

const inferenceSchema = z.object({
  /** `auto` times what there is against the CPU, per model. */
  provider: z.enum(inferenceProviders).default('auto'),
  /** Id of the deep lane's embedding model, see `tiercel models list`. Each model has vectors of its own. */
  model: z.string().min(1).max(64).default('minilm-l6'),
  /** Id of the model that puts the best hits in order; empty: none does. */
  reranker: z.string().max(64).default(''),
  /** Milliseconds the reranker may take of one search. */
  rerankBudget: z.int().min(0).max(10_000).default(90),
  /** Milliseconds a search may take to embed candidates that have no deep vector yet; 0: none are. */
  onDemandBudget: z.int().min(0).max(10_000).default(80),
});

const gpuSchema = z.object({
  /** Whether the GPU scans vectors: `auto` where a comparison with the CPU finds it right and faster. */
  search: z.enum(gpuModes).default('auto'),
  /** MiB of the GPU's memory for vectors; 0 means what is free less a reserve, at most 3/16 of the whole. */
  memoryBudget: budget.default(0),
  /** Takes a program on the CPU (SwiftShader, llvmpipe, WARP) for a GPU: to prove that it works, never faster. */
  allowSoftware: z.boolean().default(false),
  /** Milliseconds that indexing leaves the GPU to others after each batch. */
  yield: z.int().min(0).max(1000).default(0),
});

/** What background work takes of the machine: `low` a fifth of one core at most, `full` all cores. */
export const backgroundLoads = ['low', 'normal', 'full'] as const;
export type BackgroundLoad = (typeof backgroundLoads)[number];

const backgroundSchema = z.object({
  /** `normal` becomes `low` by itself on battery. */
  load: z.enum(backgroundLoads).default('normal'),
});

/**
 * Raw settings: every member optional, validated, defaults filled in. Unknown members are ignored, so that an older
 * server accepts the settings of a newer client.
 */
export const settingsSchema = z.object({
  /** Glob patterns (gitignore syntax) of files left out of the index, on top of .gitignore and .ignore. */
  exclude: z.array(z.string()).default([]),
  /**
   * The transformer lane: `auto` runs it only where a GPU passes a self-test; `on-demand` embeds nothing ahead, only the
   * best candidates of a query.
   */
  deep: z.enum(deepModes).default('auto'),
  /** Files larger than this many bytes are reported, not indexed. */
  maxFileBytes: z
    .int()
    .min(1024)
    .max(64 * 1024 * 1024)
    .default(1024 * 1024),
  /** Parse processes; 0 means one less than the cores, at least one. */
  parseProcesses: z.int().min(0).max(64).default(0),
  logLevel: z.enum(logLevels).default('info'),
  memory: memorySchema.prefault({}),
  disk: diskSchema.prefault({}),
  search: searchSchema.prefault({}),
  inference: inferenceSchema.prefault({}),
  gpu: gpuSchema.prefault({}),
  background: backgroundSchema.prefault({}),
});

export type Settings = z.infer<typeof settingsSchema>;

/**
 * Settings of the engine, which all clients of a server share. A value at its default is no wish; of several wishes the
 * latest one of a client that is still connected counts.
 */
export type EngineSettings = Pick<Settings, 'memory' | 'disk' | 'search' | 'gpu'>;

/** Members as a client sends them. */
export type SettingsInput = z.input<typeof settingsSchema>;
