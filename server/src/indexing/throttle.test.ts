import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Throttle } from './throttle.ts';

const never = new AbortController().signal;

test('at low one at a time, otherwise as many as come', async () => {
  const throttle = new Throttle();
  const running = { now: 0, most: 0 };
  const work = async (): Promise<void> => {
    running.most = Math.max(running.most, ++running.now);
    await delay(2);
    running.now -= 1;
  };
  const all = (): Promise<unknown> => Promise.all(Array.from({ length: 6 }, () => throttle.enter(work)));
  await all();
  expect(running.most).toBe(6);
  running.most = 0;
  throttle.load = 'low';
  await all();
  expect(running.most).toBe(1);
});

test('at low work rests several times as long as it took, unless somebody waits', async () => {
  const throttle = new Throttle();
  // Long enough that a machine busy with other tests does not make a rest of a pause.
  const workMs = 300;
  const took = async (): Promise<number> => {
    const start = performance.now();
    await throttle.paced(() => delay(workMs), never);
    return performance.now() - start;
  };
  throttle.load = 'low';
  expect(await took()).toBeGreaterThan(workMs * 4.5);
  const hurried = took();
  setTimeout(() => throttle.hurry(), workMs * 2);
  expect(await hurried).toBeLessThan(workMs * 4.5);
});

test('who waits goes on when the load allows it again', async () => {
  const throttle = new Throttle();
  throttle.load = 'low';
  let end: () => void = () => undefined;
  const first = throttle.enter(() => new Promise<void>((done) => (end = done)));
  const second = throttle.enter(() => Promise.resolve('second'));
  throttle.load = 'normal';
  expect(await second).toBe('second');
  end();
  await first;
});
