/** Which nodes of a graph ran where, read from a profile of onnxruntime. */
import { z } from 'zod';
import type { Placement } from './messages.ts';
import { runtimeNames, type ExecutionProvider } from './providers.ts';

const eventSchema = z.object({
  cat: z.string(),
  name: z.string(),
  args: z.object({ provider: z.string().optional(), op_name: z.string().optional() }).optional(),
});

/** @param profile text of the file that `endProfiling` completes @throws Error when it is no profile */
export function placementIn(profile: string, provider: ExecutionProvider): Placement {
  const events = z.array(eventSchema).parse(JSON.parse(profile));
  const nodes = new Map<string, { provider: string; operator: string }>();
  for (const { cat, name, args } of events) {
    if (cat !== 'Node' || args?.provider === undefined) continue;
    nodes.set(name, { provider: args.provider, operator: args.op_name ?? 'unknown' });
  }
  const foreign = [...nodes.values()].filter(
    (node) => provider !== 'cpu' && node.provider !== runtimeNames[provider].profile,
  );
  return {
    nodes: nodes.size,
    onCpu: foreign.length,
    cpuOperators: [...new Set(foreign.map(({ operator }) => operator))].sort(),
  };
}
