import { CommanderError } from 'commander';
import { TiercelError, errorCodes } from '../../../protocol/errors.ts';

/** Documented in docs/cli.md; scripts may rely on them. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  missingIndex: 3,
  retryLater: 4,
  /** As a shell reports a process ended by Ctrl-C. */
  cancelled: 130,
} as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (!(error instanceof TiercelError)) return exitCodes.failure;
  switch (error.code) {
    case errorCodes.fixTheCall:
      return exitCodes.usage;
    case errorCodes.indexFirst:
      return exitCodes.missingIndex;
    case errorCodes.retryLater:
    case errorCodes.memoryPressure:
      return exitCodes.retryLater;
    case errorCodes.cancelled:
      return exitCodes.cancelled;
    default:
      return exitCodes.failure;
  }
}
