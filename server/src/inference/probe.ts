import { messageOf } from '../../../protocol/errors.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { InferenceChild } from './child.ts';
import type { InferenceReply } from './messages.ts';

export interface ProbeOptions {
  modelDir: string;
  /** Starts a process that runs `runInferenceProcess`. */
  command: ProcessCommand;
  /** A GPU that needs longer for the self-test is too slow to be useful; default 30,000. */
  limitMs?: number;
}

/** `reason` is a sentence for a person. */
export type DeepProbe =
  { available: true; device: 'webgpu'; reason: string } | { available: false; device: 'none'; reason: string };

const defaultLimitMs = 30_000;
const answers = new Map<string, Promise<DeepProbe>>();

/**
 * Whether a GPU of this machine can run the transformer: same vectors as the CPU, at least twice as fast. Tried in a
 * process of its own, because a driver's fault ends the process it happens in. The answer is remembered.
 */
export function probeDeep(options: ProbeOptions): Promise<DeepProbe> {
  const { command, modelDir } = options;
  const key = JSON.stringify([modelDir, command.file, command.args, command.env]);
  let answer = answers.get(key);
  if (answer === undefined) {
    answer = probe(options);
    answers.set(key, answer);
  }
  return answer;
}

async function probe({ modelDir, command, limitMs = defaultLimitMs }: ProbeOptions): Promise<DeepProbe> {
  const objection = await new Promise<string | undefined>((resolve) => {
    const child = new InferenceChild(command, {
      onReply: (reply) => {
        finish(objectionOf(reply));
      },
      onEnd: (reason) => {
        finish(`the self-test on the GPU ended its process, which ${reason}`);
      },
    });
    const timer = setTimeout(() => {
      finish(`the GPU did not finish the self-test within ${limitMs / 1000} s`);
    }, limitMs);
    const finish = (outcome: string | undefined): void => {
      clearTimeout(timer);
      child.kill('has answered');
      resolve(outcome);
    };
    child.send({ kind: 'open', id: 0, modelDir, provider: 'webgpu', threads: 1, selfTest: true });
  }).catch(messageOf);
  return objection === undefined
    ? { available: true, device: 'webgpu', reason: 'A GPU passed the self-test.' }
    : { available: false, device: 'none', reason: `The deep lane is off: ${objection}.` };
}

/** Why the GPU is not used, as a clause; undefined when it is. */
function objectionOf(reply: InferenceReply): string | undefined {
  return reply.kind === 'failed' ? reply.message.replace(/\.$/, '') : undefined;
}
