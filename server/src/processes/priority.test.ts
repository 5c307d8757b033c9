import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { FramedProcess } from './child.ts';
import { lowerPriority } from './priority.ts';

const niceOfSession = (id: number | string): number | undefined => {
  const file = `/proc/${String(id)}/autogroup`;
  if (!existsSync(file)) return undefined;
  // Empty where the feature is off, or the process is in a group of its own making.
  const nice = / nice (-?\d+)/.exec(readFileSync(file, 'utf8'))?.[1];
  return nice === undefined ? undefined : Number(nice);
};

/** Ends when its input does. */
const waiting = { file: process.execPath, args: ['--eval', 'process.stdin.resume()'] };
const framed: FramedProcess[] = [];

afterEach(async () => {
  for (const child of framed.splice(0)) await child.close(2000);
});

describe.skipIf(process.platform === 'win32')('a lower priority', () => {
  test('is that of the process and of its session, and not ours', () => {
    const child = new FramedProcess(waiting, { onMessage: () => undefined, onEnd: () => undefined });
    framed.push(child);
    const ours = { priority: getPriority(), session: niceOfSession('self') };
    // Not every kernel shares by sessions, and where it does a process may still be in none that is listed.
    const session = niceOfSession(child.processId ?? 0);
    lowerPriority(child.processId ?? 0, 10);
    expect(getPriority(child.processId)).toBe(Math.min(19, ours.priority + 10));
    expect(niceOfSession(child.processId ?? 0)).toBe(session === undefined ? undefined : Math.min(19, session + 10));
    expect({ priority: getPriority(), session: niceOfSession('self') }).toEqual(ours);
  });

  test('leaves our session alone where the process is part of it', async () => {
    const child = spawn(waiting.file, waiting.args, { stdio: ['pipe', 'ignore', 'ignore'] });
    const before = niceOfSession('self');
    lowerPriority(child.pid ?? 0, 10);
    expect(getPriority(child.pid)).toBeGreaterThan(getPriority());
    expect(niceOfSession('self')).toBe(before);
    child.stdin.end();
    await once(child, 'close');
  });
});

test('a process that is gone is no error', async () => {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'close');
  expect(() => {
    lowerPriority(child.pid ?? 0, 10);
  }).not.toThrow();
});
