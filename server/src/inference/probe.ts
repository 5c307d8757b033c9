/** A provider tried in a process of its own, because a driver's fault ends the process it happens in. */
import { messageOf } from '../../../protocol/errors.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { InferenceChild } from './child.ts';
import type { Comparison, InferenceReply, OpenRequest, Placement } from './messages.ts';
import type { ResolvedModel } from './models/catalog.ts';
import type { ExecutionProvider } from './providers.ts';
import { objectionTo } from './self-test.ts';

export interface ProbeOptions {
  model: ResolvedModel;
  provider: ExecutionProvider;
  /** Starts a process that runs `runInferenceProcess`. */
  command: ProcessCommand;
  /** `timed`: it has to be faster than the CPU as well. */
  test: 'equal' | 'timed';
  /** A provider that needs longer is too slow to be useful. */
  limitMs: number;
}

/** `reason` is a clause for a person. */
export type Probe =
  { passed: true; placement: Placement; comparison: Comparison | undefined } | { passed: false; reason: string };

/** Answers of this process's life: drivers do not change under it. */
const answers = new Map<string, Promise<Probe>>();

/** Whether a provider of this machine can run a model, with the same results as the CPU. The answer is remembered. */
export function probeProvider(options: ProbeOptions): Promise<Probe> {
  const { model, provider, command, test } = options;
  const key = JSON.stringify([model.info.id, model.spec(provider).weights, provider, test, command]);
  let answer = answers.get(key);
  if (answer === undefined) {
    answer = probe(options);
    answers.set(key, answer);
  }
  return answer;
}

async function probe({ model, provider, command, test, limitMs }: ProbeOptions): Promise<Probe> {
  return new Promise<Probe>((resolve) => {
    const fail = (reason: string): void => {
      finish({ passed: false, reason });
    };
    const child = new InferenceChild(command, {
      onReply: (reply) => {
        finish(outcomeOf(reply));
      },
      onEnd: (reason) => {
        fail(`the self-test ended its process, which ${reason}`);
      },
    });
    const timer = setTimeout(() => {
      fail(`it did not finish the self-test within ${limitMs / 1000} s`);
    }, limitMs);
    const finish = (outcome: Probe): void => {
      clearTimeout(timer);
      child.kill('has answered');
      resolve(outcome);
    };
    const request: OpenRequest = {
      kind: 'open',
      id: 0,
      model: model.spec(provider),
      reference: model.spec('cpu'),
      provider,
      threads: 1,
      selfTest: test,
      yieldMs: 0,
    };
    child.send(request);
  }).catch((error: unknown): Probe => ({ passed: false, reason: messageOf(error) }));
}

function outcomeOf(reply: InferenceReply): Probe {
  if (reply.kind === 'failed') return { passed: false, reason: reply.message.replace(/\.$/, '') };
  if (reply.kind !== 'opened') return { passed: false, reason: 'its process gave an answer that was not asked for' };
  const { placement, comparison } = reply;
  const objection = comparison === undefined ? undefined : objectionTo(comparison);
  return objection === undefined ? { passed: true, placement, comparison } : { passed: false, reason: objection };
}
