/**
 * Errors that cross a process border, named by what the caller should do about them.
 *
 * Every error a user may meet is a {@link TiercelError}. `code` is stable and travels in the `data` of an LSP response
 * error, so a client can act on it without reading the message.
 */
export const errorCodes = {
  /** The call itself is wrong (bad option, bad query): correct it. */
  fixTheCall: 'FixTheCall',
  /** Nothing is indexed at this place yet: index it first. */
  indexFirst: 'IndexFirst',
  /** The server is under pressure or busy: the same call succeeds after `retryAfterMs`. */
  retryLater: 'RetryLater',
  /**
   * Memory or disk is short, or a budget the user set is: writers wait, readers go on. The same call succeeds once that
   * has passed, to be tried after `retryAfterMs`; `message` says which limit it is and what raises it.
   */
  memoryPressure: 'MemoryPressure',
  /** Files on disk were written by a newer version: update Tiercel. Nothing was touched. */
  updateTiercel: 'UpdateTiercel',
  /** The stored index cannot be read: rebuild it. */
  rebuildIndex: 'RebuildIndex',
  /** Something this machine lacks (a model file, a provider, a program): `message` says what and how to get it. */
  installWhatIsMissing: 'InstallWhatIsMissing',
  /** The operating system refused (permissions, disk full): `message` says what to change. */
  fixTheMachine: 'FixTheMachine',
  /** The caller cancelled. Nothing to do. */
  cancelled: 'Cancelled',
  /** A defect in Tiercel: report it with the log. */
  report: 'Report',
} as const;

export type ErrorCode = (typeof errorCodes)[keyof typeof errorCodes];

/** What travels in the `data` member of an LSP response error. */
export interface ErrorData {
  code: ErrorCode;
  retryAfterMs?: number;
}

export class TiercelError extends Error {
  override readonly name = 'TiercelError';
  readonly code: ErrorCode;
  /** Milliseconds after which the same call is expected to succeed; only with `RetryLater` and `MemoryPressure`. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  toData(): ErrorData {
    return this.retryAfterMs === undefined ? { code: this.code } : { code: this.code, retryAfterMs: this.retryAfterMs };
  }
}

/** The error to throw when an `AbortSignal` fired. */
export function cancelled(): TiercelError {
  return new TiercelError(errorCodes.cancelled, 'Cancelled.');
}

/** True when the same call is expected to succeed later without anybody doing anything. */
export function isRetryable(error: unknown): error is TiercelError {
  return (
    error instanceof TiercelError && (error.code === errorCodes.retryLater || error.code === errorCodes.memoryPressure)
  );
}

export function isCancelled(error: unknown): boolean {
  return error instanceof TiercelError && error.code === errorCodes.cancelled;
}

/** One line for a person, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
