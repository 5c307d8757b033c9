import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Coverage } from '../../../protocol/search.ts';
import type { Folder } from './folder.ts';
import { testRoom, type TestRoom } from './test-room.ts';

const eventually = { timeout: 60_000, interval: 20 };
const { signal } = new AbortController();

let room: TestRoom;

beforeAll(async () => {
  room = await testRoom();
  room.write('a.ts', `export function parse(text: string) {\n${'  text += text;\n'.repeat(8)}  return text;\n}\n`);
});

afterAll(async () => {
  await room.remove();
});

test('a model that is complete takes over once that is kept, and not before', async () => {
  const seen: Coverage[] = [];
  const coverage = async (): Promise<Coverage> => (await folder.status()).coverage;
  let kept = false;
  const models = {
    deepModel: await room.model('small-b'),
    previous: await room.model('small-a'),
    onComplete: async () => {
      seen.push(await coverage());
      if (!kept) throw new Error('The disk is full.');
    },
  };
  const opened = await room.open(models, { deep: 'on', inference: { model: 'small-b', provider: 'cpu' } });
  const folder: Folder = opened.folder;
  await folder.follow();
  await expect.poll(() => seen.length, eventually).toBeGreaterThan(0);
  expect(seen[0]).toEqual({ lexical: 1, instant: 1, deep: 0, next: 1 });
  kept = true;
  // It is tried again whenever the work is complete.
  await folder.index({ folder: room.root, rebuild: false, deep: true }, signal);
  await expect.poll(coverage, eventually).toEqual({ lexical: 1, instant: 1, deep: 1 });
  expect(seen.at(-1)).toEqual({ lexical: 1, instant: 1, deep: 0, next: 1 });
  await folder.close();
  await opened.release();
});
