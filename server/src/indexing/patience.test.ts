import { expect, test } from 'vitest';
import { TiercelError, errorCodes } from '../../../protocol/errors.ts';
import { createLogger } from '../logging/logger.ts';
import { Patience } from './patience.ts';

const full = new TiercelError(errorCodes.memoryPressure, 'the budget is 1 MiB.', { retryAfterMs: 60_000 });

test('where the budget has changed, why it waited is said no more, and it tries at once', () => {
  const seen: (string | undefined)[] = [];
  const patience = new Patience('/tree', createLogger({}), () => seen.push(patience.waiting?.why));
  const nudge = patience.hooks.nudge();
  patience.hooks.onWait(full);
  patience.budgetChanged();
  expect(nudge.aborted).toBe(true);
  expect(patience.hooks.nudge().aborted).toBe(false);
  expect(seen).toEqual(['waiting for memory: the budget is 1 MiB.', undefined]);
  // Nothing changes for work that did not wait.
  patience.budgetChanged();
  expect(seen).toHaveLength(2);
});

test('trying at once is waiting still', () => {
  const patience = new Patience('/tree', createLogger({}), () => undefined);
  patience.hooks.onWait(full);
  const { since } = patience.waiting ?? {};
  patience.retryNow();
  patience.hooks.onWait(full);
  expect(patience.waiting?.since).toBe(since);
});
