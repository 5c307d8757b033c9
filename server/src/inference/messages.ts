/** What the server and an inference process say to each other. */
import { z } from 'zod';
import { errorCodes } from '../../../protocol/errors.ts';
import { executionProviders } from './providers.ts';

export type { ExecutionProvider } from './providers.ts';

/** A model as a process opens it. */
const spec = z.object({
  /** Name of the vector space. */
  identity: z.string(),
  kind: z.enum(['embedding', 'reranker']),
  precision: z.string(),
  /** Absolute path of the graph. */
  weights: z.string(),
  /** Absolute path of a tokenizer.json. */
  tokenizer: z.string(),
  /** The tensor that is read. */
  output: z.string(),
  pooling: z.enum(['none', 'mean', 'cls', 'last']),
  dimension: z.int(),
  maxTokens: z.int(),
  prefixes: z.object({ query: z.string(), passage: z.string() }),
  /** The tensor of token vectors, where there is one. */
  tokenOutput: z.string().optional(),
});
export type ModelSpec = z.infer<typeof spec>;

/**
 * The first request to a process: which model, on what. Answered by `opened` or `failed`. With `selfTest` the process
 * compares the provider with the CPU before it says `opened`; `timed` measures both.
 */
const open = z.object({
  kind: z.literal('open'),
  id: z.int(),
  model: spec,
  /** What the CPU would run, to compare with. */
  reference: spec.optional(),
  provider: z.enum(executionProviders),
  threads: z.int().min(1),
  selfTest: z.enum(['none', 'equal', 'timed']),
  /** Tokens of one batch that are known to be too many. */
  ceiling: z.int().optional(),
  /** Pause after each batch of passages, milliseconds. */
  yieldMs: z.number().min(0),
});

/** Answered by `vectors` or `failed`; may be sent before `opened` has come. */
const embed = z.object({
  kind: z.literal('embed'),
  id: z.int(),
  role: z.enum(['query', 'passage', 'similar']),
  texts: z.array(z.string()),
});

/** Answered by `scores` or `failed`, by what is ready when `budgetMs` have passed since it arrived. */
const rerank = z.object({
  kind: z.literal('rerank'),
  id: z.int(),
  query: z.string(),
  texts: z.array(z.string()),
  budgetMs: z.number().min(0),
});

/** The request of that id is no longer wanted; it gets no answer if it was still under way. */
const cancel = z.object({ kind: z.literal('cancel'), id: z.int() });

export const requestSchema = z.discriminatedUnion('kind', [open, embed, rerank, cancel]);
export type OpenRequest = z.infer<typeof open>;
export type EmbedRequest = z.infer<typeof embed>;
export type RerankRequest = z.infer<typeof rerank>;
export type InferenceRequest = z.infer<typeof requestSchema>;

/** What ran where, from the runtime's own profile of one run. */
const placement = z.object({
  nodes: z.int(),
  /** Of these, on the CPU though another provider was asked for. */
  onCpu: z.int(),
  /** Their operators, each once. */
  cpuOperators: z.array(z.string()),
});
export type Placement = z.infer<typeof placement>;

const comparison = z.object({
  /** Least cosine of the texts compared. */
  cosine: z.number(),
  /** Of the same batch; absent when not timed. */
  cpuMs: z.number().optional(),
  providerMs: z.number().optional(),
});
export type Comparison = z.infer<typeof comparison>;

export const replySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('opened'), id: z.int(), placement, comparison: comparison.optional() }),
  /** `vectors`: float32, little endian, row-major. */
  z.object({ kind: z.literal('vectors'), id: z.int(), vectors: z.instanceof(Uint8Array) }),
  /** `scores`: float32, little endian, of the first texts, as many as there was time for. */
  z.object({ kind: z.literal('scores'), id: z.int(), scores: z.instanceof(Uint8Array) }),
  /** The device ran out of memory; batches stay below so many tokens from now on. Belongs to no request. */
  z.object({ kind: z.literal('ceiling'), tokens: z.int() }),
  z.object({ kind: z.literal('failed'), id: z.int(), code: z.enum(errorCodes), message: z.string() }),
]);
export type InferenceReply = z.infer<typeof replySchema>;
export type OpenedReply = Extract<InferenceReply, { kind: 'opened' }>;
