import { expect, test } from 'vitest';
import { isTooBroad } from './broad.ts';

test('the home folder and what contains it, nothing else', () => {
  const home = '/home/ada';
  expect(['/', '/home', '/home/ada', '/home/ada/'].map((folder) => isTooBroad(folder, home))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(['/home/ada/code', '/home/adam', '/srv', '/home/ada/..x'].map((folder) => isTooBroad(folder, home))).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
