/** What the server and the inference process say to each other. */
import { z } from 'zod';
import { errorCodes } from '../../../protocol/errors.ts';

export const executionProviders = ['cpu', 'webgpu'] as const;
export type ExecutionProvider = (typeof executionProviders)[number];

/**
 * The first request to a process: which model, on what. Answered by `opened` or `failed`. With `selfTest` the process
 * compares the provider with the CPU before it says `opened`.
 */
const open = z.object({
  kind: z.literal('open'),
  id: z.int(),
  modelDir: z.string(),
  provider: z.enum(executionProviders),
  threads: z.int().min(1),
  selfTest: z.boolean(),
});

/** Answered by `vectors` or `failed`; may be sent before `opened` has come. */
const embed = z.object({
  kind: z.literal('embed'),
  id: z.int(),
  role: z.enum(['query', 'passage']),
  texts: z.array(z.string()),
});

/** The embed request of that id is no longer wanted; it gets no answer if it was still under way. */
const cancel = z.object({ kind: z.literal('cancel'), id: z.int() });

export const requestSchema = z.discriminatedUnion('kind', [open, embed, cancel]);
export type OpenRequest = z.infer<typeof open>;
export type EmbedRequest = z.infer<typeof embed>;
export type InferenceRequest = z.infer<typeof requestSchema>;

export const replySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('opened'), id: z.int() }),
  /** `vectors`: float32, little endian, row-major. */
  z.object({ kind: z.literal('vectors'), id: z.int(), vectors: z.instanceof(Uint8Array) }),
  z.object({ kind: z.literal('failed'), id: z.int(), code: z.enum(errorCodes), message: z.string() }),
]);
export type InferenceReply = z.infer<typeof replySchema>;
