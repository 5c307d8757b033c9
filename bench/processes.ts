import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { messageOf } from '../protocol/errors.ts';
import { searchWithGpu, type GpuResult, type GpuTask } from './gpu/search.ts';
import * as tasks from './tasks.ts';

type Task = tasks.BuildTask | tasks.LoadTask | tasks.SweepTask | GpuTask;
type ResultOf<T extends Task> = T extends tasks.BuildTask
  ? tasks.BuildResult
  : T extends tasks.LoadTask
    ? tasks.LoadResult
    : T extends GpuTask
      ? GpuResult
      : tasks.SweepResult;
type Answer = { ok: true; result: unknown } | { ok: false; message: string };

/** The word after the program that makes it a child of {@link runApart}. */
export const childWord = 'task';

/** An engine that hangs does not keep the others from being measured. */
const limitMs = 3_600_000;

/**
 * Does a task in a fresh process.
 *
 * @throws Error with the child's message when it failed, or when it took longer than an hour
 */
export async function runApart<T extends Task>(task: T): Promise<ResultOf<T>> {
  const child = spawn(process.execPath, ['--expose-gc', process.argv[1] ?? '', childWord, JSON.stringify(task)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    timeout: limitMs,
  });
  let answer: Answer | undefined;
  child.on('message', (message) => {
    answer = message as Answer;
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (answer === undefined) throw new Error(`The process ended with ${signal ?? `code ${String(code)}`}.`);
  if (!answer.ok) throw new Error(answer.message);
  // Both ends are this program.
  return answer.result as ResultOf<T>;
}

/** What a child does: one task, whose answer goes to the parent. */
export async function runChild(json: string): Promise<void> {
  const task = JSON.parse(json) as Task;
  const answer = await perform(task).then(
    (result): Answer => ({ ok: true, result }),
    (error: unknown): Answer => ({ ok: false, message: messageOf(error) }),
  );
  process.send?.(answer, () => process.exit(0));
}

function perform(task: Task): Promise<unknown> {
  switch (task.kind) {
    case 'build':
      return tasks.build(task);
    case 'load':
      return tasks.load(task);
    case 'sweep':
      return tasks.sweep(task);
    case 'gpu':
      return searchWithGpu(task);
  }
}
