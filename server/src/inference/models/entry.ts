/** What is known of a model: an entry of models/registry.json, or of a user's own file. */
import { z } from 'zod';
import { errorCodes, TiercelError } from '../../../../protocol/errors.ts';

/** Part of file names and of vector spaces' names. */
const idSchema = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, {
  error: 'an id has up to 64 small letters, digits, ".", "_" and "-"',
});

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const fileSchema = z.object({
  /** In the model's folder; no path, so that nothing is written elsewhere. */
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
  /** Below the source, or below the folder of a user's file; default: the name. */
  path: z
    .string()
    .regex(/^(?!\/)(?!.*\.\.)[^\\:]+$/)
    .optional(),
  /** Absent where nobody has vouched for the content: the first download is recorded and holds from then on. */
  sha256: hash.optional(),
  bytes: z.int().min(1).optional(),
});
export type ModelFile = z.infer<typeof fileSchema>;

const common = {
  id: idSchema,
  /** One line for a person. */
  title: z.string().min(1).max(200),
  /** SPDX identifier. */
  licence: z.string().min(1).max(64),
};

const onnx = {
  ...common,
  /** The tensor that is read: pooled vectors, token vectors or logits. */
  output: z.string().min(1),
  /** Longer texts are cut. */
  maxTokens: z.int().min(8).max(32_768),
  /** Where its files come from; absent for models that are in the package or a user's own. */
  source: z.object({ repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/), revision: z.string().min(1) }).optional(),
  tokenizer: fileSchema,
  /** Files per precision; the first is the graph. */
  weights: z.record(z.string(), z.array(fileSchema).min(1)),
  /** Which weights a processor and a GPU use. Those of the processor name the vector space. */
  precision: z.object({ cpu: z.string(), gpu: z.string() }),
};

const dimension = z.int().min(8).max(4096);

const staticSchema = z.object({ ...common, kind: z.literal('static'), dimension, files: z.array(fileSchema).min(1) });

const embeddingSchema = z.object({
  ...onnx,
  kind: z.literal('embedding'),
  dimension,
  /** How token vectors become one: `none` where the graph does it. */
  pooling: z.enum(['none', 'mean', 'cls', 'last']),
  /** The tensor of token vectors, for late interaction. */
  tokenOutput: z.string().optional(),
  /** Put before every text of that role. */
  prefixes: z.object({ query: z.string(), passage: z.string() }).default({ query: '', passage: '' }),
});

/** A cross-encoder: a question and a text in, a score out. */
const rerankerSchema = z.object({ ...onnx, kind: z.literal('reranker') });

export const entrySchema = z
  .discriminatedUnion('kind', [staticSchema, embeddingSchema, rerankerSchema])
  .refine(
    (entry) =>
      entry.kind === 'static' || [entry.precision.cpu, entry.precision.gpu].every((name) => name in entry.weights),
    { error: 'precision names weights that are not there' },
  );
export type ModelEntry = z.infer<typeof entrySchema>;
export type OnnxEntry = Exclude<ModelEntry, { kind: 'static' }>;

export const registrySchema = z
  .object({ models: z.array(entrySchema) })
  .refine(({ models }) => new Set(models.map(({ id }) => id)).size === models.length, {
    error: 'two models have the same id',
  });

/** The files an installation has: tokenizer and the weights of the precisions asked for. */
export function filesOf(entry: ModelEntry, precisions: readonly string[]): ModelFile[] {
  if (entry.kind === 'static') return entry.files;
  return [entry.tokenizer, ...new Set(precisions)].flatMap((part) =>
    typeof part === 'string' ? (entry.weights[part] ?? []) : [part],
  );
}

/** @throws TiercelError `FixTheCall` saying what is wrong in `where` */
export function parseEntry(raw: unknown, where: string): ModelEntry {
  const parsed = entrySchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.map(String).join('.') ?? '';
  throw new TiercelError(
    errorCodes.fixTheCall,
    `${where} does not describe a model: ${place === '' ? '' : `${place}: `}${issue?.message ?? 'invalid'}.`,
  );
}
