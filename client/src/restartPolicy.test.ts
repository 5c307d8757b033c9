import { expect, test } from 'vitest';
import { reasonOf, RestartPolicy } from './restartPolicy.ts';

test('waits longer each time and gives up at the fifth crash in three minutes', () => {
  const policy = new RestartPolicy();
  expect([0, 1_000, 2_000, 3_000, 4_000].map((now) => policy.crashed(now))).toEqual([
    100,
    1_000,
    5_000,
    15_000,
    undefined,
  ]);
});

test('old crashes are forgotten, and all of them when a person restarts', () => {
  const policy = new RestartPolicy();
  expect(policy.crashed(0)).toBe(100);
  expect(policy.crashed(1_000)).toBe(1_000);
  expect(policy.crashed(180_500)).toBe(1_000);
  policy.reset();
  expect(policy.crashed(181_000)).toBe(100);
});

test('reasonOf finds the line that says why a process died', () => {
  const output = [
    'node:internal/modules/esm/resolve:275',
    '    throw new ERR_MODULE_NOT_FOUND(',
    '',
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/ext/dist/main.mjs'",
    '    at finalizeResolution (node:internal/modules/esm/resolve:275:11)',
    '',
    'Node.js v20.20.2',
    '',
  ].join('\n');
  expect(reasonOf(output)).toBe("Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/ext/dist/main.mjs'");
  expect(reasonOf('cannot bind socket\n')).toBe('cannot bind socket');
  expect(reasonOf('')).toBeUndefined();
});
