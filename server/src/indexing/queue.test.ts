import { expect, test } from 'vitest';
import { JobQueue } from './queue.ts';

test('one job per path, the newest change wins, in order of arrival', () => {
  const queue = new JobQueue();
  queue.add({ path: 'a', kind: 'changed', reason: 'new' });
  queue.add({ path: 'b', kind: 'changed', reason: 'new' });
  queue.add({ path: 'a', kind: 'removed', reason: 'changed on disk' });
  expect(queue.size).toBe(2);
  expect(queue.take()).toEqual({ path: 'a', kind: 'removed', reason: 'changed on disk' });
  expect(queue.take()?.path).toBe('b');
  expect(queue.take()).toBeUndefined();
});

test('removed paths can be taken before all others', () => {
  const queue = new JobQueue();
  for (const path of ['a', 'b', 'c']) queue.add({ path, kind: path === 'a' ? 'changed' : 'removed', reason: 'test' });
  expect(queue.takeRemoved((path) => path !== 'c')).toEqual(['b']);
  expect([queue.take()?.path, queue.take()?.path, queue.take()]).toEqual(['a', 'c', undefined]);
});

test('a path taken can be added again', () => {
  const queue = new JobQueue();
  queue.add({ path: 'a', kind: 'changed', reason: 'new' });
  queue.take();
  queue.add({ path: 'a', kind: 'changed', reason: 'saved' });
  expect(queue.take()?.reason).toBe('saved');
});

test('the most urgent first; a newer change keeps the better place', () => {
  const queue = new JobQueue();
  queue.add({ path: 'docs', kind: 'changed', reason: 'new', urgency: 'prose' });
  queue.add({ path: 'source', kind: 'changed', reason: 'new', urgency: 'source' });
  queue.add({ path: 'saved', kind: 'changed', reason: 'saved' });
  queue.add({ path: 'saved', kind: 'changed', reason: 'new', urgency: 'test' });
  queue.add({ path: 'docs', kind: 'changed', reason: 'edited', urgency: 'open' });
  expect(queue.size).toBe(3);
  expect([queue.take(), queue.take(), queue.take()].map((job) => `${job?.path ?? ''} ${job?.reason ?? ''}`)).toEqual([
    'saved new',
    'docs edited',
    'source new',
  ]);
});

test('what is worked on already can be left for later', () => {
  const queue = new JobQueue();
  for (const path of ['a', 'b']) queue.add({ path, kind: 'changed', reason: 'new' });
  expect(queue.take((path) => path === 'a')?.path).toBe('b');
  expect(queue.take((path) => path === 'a')).toBeUndefined();
  expect(queue.take()?.path).toBe('a');
});
