import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { IndexProgress } from '../../../protocol/status.ts';
import { WaitingNotice } from './waiting.ts';

const progress = (folder: string, waiting?: string): IndexProgress => ({
  folder,
  phase: 'indexing',
  filesDone: 0,
  filesTotal: 1,
  chunksDone: 0,
  chunksPerSecond: 0,
  chunks: 0,
  ...(waiting === undefined ? {} : { waiting }),
});

let said: string[];
let notice: WaitingNotice;

beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  notice = new WaitingNotice((message) => said.push(message), 1000);
});

afterEach(() => {
  notice.close();
  vi.useRealTimers();
});

test('a stretch of waiting is told of once, when it lasts', () => {
  for (let second = 0; second < 5; second++) {
    notice.follow(progress('/code/shop', 'waiting for memory: the budget is used up.'));
    vi.advanceTimersByTime(1000);
  }
  expect(said).toHaveLength(1);
  expect(said[0]).toContain('indexing of shop is waiting for memory: the budget is used up.');
  notice.follow(progress('/code/shop'));
  notice.follow(progress('/code/shop', 'waiting for memory: again.'));
  vi.advanceTimersByTime(1000);
  expect(said).toHaveLength(2);
});

test('one that passes, or whose client goes, is not', () => {
  notice.follow(progress('/code/shop', 'waiting for memory: x.'));
  notice.follow(progress('/code/lib', 'waiting for memory: x.'));
  vi.advanceTimersByTime(999);
  notice.follow(progress('/code/shop'));
  notice.close();
  vi.advanceTimersByTime(5000);
  expect(said).toEqual([]);
});
