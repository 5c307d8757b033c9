import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ModelMemory } from './model-memory.ts';

const tree = '/code/shop';
const first = { id: 'first', space: 'deep:first' };
const second = { id: 'second', space: 'deep:second' };

let folder: string;
let memory: ModelMemory;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiercel-model-memory-'));
  memory = new ModelMemory(join(folder, 'index.models.json'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a model answers from when it is complete, beside the one that is wanted then', async () => {
  expect(await memory.want(tree, first)).toEqual([first.space]);
  expect(await memory.answering(tree)).toBeUndefined();
  await memory.complete(tree, first);
  expect(await memory.answering(tree)).toEqual(first);
  expect(await memory.want(tree, second)).toEqual([second.space, first.space]);
  await memory.complete(tree, second);
  expect(await memory.want(tree, second)).toEqual([second.space, second.space]);
});

test('what is complete is what answers, even when another model is wanted by then', async () => {
  await memory.want(tree, first);
  await memory.want(tree, second);
  await memory.complete(tree, first);
  expect(await memory.answering(tree)).toEqual(first);
  expect(await memory.want(tree, second)).toEqual([second.space, first.space]);
});

test('nothing is kept of a work tree that wants nothing', async () => {
  await memory.complete(tree, first);
  expect(await memory.answering(tree)).toBeUndefined();
});
