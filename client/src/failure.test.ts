import { describe, expect, test } from 'vitest';
import { errorCodes, TiercelError } from '../../protocol/errors.ts';
import { failureOf, isCancellation, NoAnswer, ServerDown, typedError } from './failure.ts';

/** An LSP response error as vscode-jsonrpc builds it. */
function responseError(code: number, message: string, data?: unknown): Error {
  return Object.assign(new Error(message), { code, data });
}

describe('failureOf', () => {
  test('names the remedy for every code of the protocol', () => {
    const remedies = Object.values(errorCodes).map((code) => [code, failureOf(new TiercelError(code, 'x')).remedy]);
    expect(Object.fromEntries(remedies)).toEqual({
      FixTheCall: 'none',
      IndexFirst: 'indexFolder',
      RetryLater: 'tryAgain',
      MemoryPressure: 'tryAgain',
      UpdateTiercel: 'none',
      RebuildIndex: 'rebuildIndex',
      InstallWhatIsMissing: 'showLog',
      FixTheMachine: 'showLog',
      Cancelled: 'tryAgain',
      Report: 'showLog',
    });
  });

  test('reads the code and the waiting time from the data of a response error', () => {
    const error = responseError(-32001, 'Busy', { code: 'RetryLater', retryAfterMs: 250 });
    expect(typedError(error)).toMatchObject({ code: 'RetryLater', retryAfterMs: 250, message: 'Busy' });
    expect(failureOf(error)).toMatchObject({ message: 'Busy', remedy: 'tryAgain' });
  });

  test('an unknown code is a defect to report', () => {
    const error = responseError(-32603, 'Boom', { code: 'Unheard' });
    expect(typedError(error)).toBeUndefined();
    expect(failureOf(error)).toMatchObject({ message: 'Boom', remedy: 'showLog' });
  });

  test.each([
    ['no server', new ServerDown('The Tiercel server is not running')],
    ['a connection that ended', responseError(-32097, 'Pending response rejected since connection got disposed')],
  ])('%s is answered with a restart', (_name, error) => {
    expect(failureOf(error).remedy).toBe('restartServer');
  });

  test('says how long it waited', () => {
    expect(failureOf(new NoAnswer(20_000))).toMatchObject({
      message: 'No answer from the Tiercel server within 20 seconds',
      remedy: 'tryAgain',
    });
  });

  test('takes anything that was thrown', () => {
    expect(failureOf('plain text').message).toBe('plain text');
    expect(failureOf(undefined).message).toBe('undefined');
  });
});

test('isCancellation knows every spelling of it', () => {
  const canceled = Object.assign(new Error('Canceled'), { name: 'Canceled' });
  expect(isCancellation(canceled)).toBe(true);
  expect(isCancellation(responseError(-32800, 'Request cancelled'))).toBe(true);
  expect(isCancellation(new TiercelError(errorCodes.cancelled, 'Cancelled.'))).toBe(true);
  expect(isCancellation(responseError(-32800, 'Busy', { code: 'RetryLater' }))).toBe(false);
  expect(isCancellation(new Error('Canceled'))).toBe(false);
});
