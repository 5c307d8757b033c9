/** What a failed request means for the person in front of the editor: one sentence, and the thing to do about it. */
import { errorCodes, messageOf, TiercelError } from '../../protocol/errors.ts';
import type { ErrorCode, ErrorData } from '../../protocol/errors.ts';

/** What the client can offer to do when a request failed. */
export type Remedy = 'none' | 'tryAgain' | 'indexFolder' | 'rebuildIndex' | 'restartServer' | 'showLog';

export interface Failure {
  /** What went wrong, a sentence or a short phrase. */
  message: string;
  /** What to do about it, a sentence. */
  advice: string;
  remedy: Remedy;
}

/** The server process is not there, so no request can be answered until it is started again. */
export class ServerDown extends Error {
  override readonly name = 'ServerDown';
}

/** The server took longer than a person waits. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(milliseconds: number) {
    super(`No answer from the Tiercel server within ${String(Math.round(milliseconds / 1000))} seconds`);
  }
}

const remedies: Record<ErrorCode, Pick<Failure, 'advice' | 'remedy'>> = {
  [errorCodes.fixTheCall]: { advice: 'Change the query and try again.', remedy: 'none' },
  [errorCodes.indexFirst]: { advice: 'Press Enter to index this folder now.', remedy: 'indexFolder' },
  [errorCodes.retryLater]: { advice: 'Press Enter to try again.', remedy: 'tryAgain' },
  [errorCodes.memoryPressure]: { advice: 'Press Enter to try again.', remedy: 'tryAgain' },
  [errorCodes.updateTiercel]: { advice: 'Update the Tiercel extension. The index was left as it is.', remedy: 'none' },
  [errorCodes.rebuildIndex]: { advice: 'Press Enter to rebuild the index of this folder.', remedy: 'rebuildIndex' },
  [errorCodes.installWhatIsMissing]: { advice: 'Press Enter to show the log.', remedy: 'showLog' },
  [errorCodes.fixTheMachine]: { advice: 'Press Enter to show the log.', remedy: 'showLog' },
  [errorCodes.cancelled]: { advice: 'Press Enter to try again.', remedy: 'tryAgain' },
  [errorCodes.report]: { advice: 'Press Enter to show the log, which belongs in a bug report.', remedy: 'showLog' },
};

const knownCodes: ReadonlySet<string> = new Set(Object.values(errorCodes));

/** JSON-RPC and LSP codes of requests that ended because somebody cancelled them. */
const cancelledRpcCodes: ReadonlySet<number> = new Set([-32800, -32801, -32802]);

/** JSON-RPC codes of requests that died with their connection. */
const connectionRpcCodes: ReadonlySet<number> = new Set([-32096, -32097, -32099]);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function errorDataOf(value: unknown): ErrorData | undefined {
  if (!isRecord(value) || typeof value['code'] !== 'string' || !knownCodes.has(value['code'])) {
    return undefined;
  }
  const code = Object.values(errorCodes).find((known) => known === value['code']);
  if (code === undefined) {
    return undefined;
  }
  const retryAfterMs = value['retryAfterMs'];
  return typeof retryAfterMs === 'number' ? { code, retryAfterMs } : { code };
}

/**
 * The typed error inside whatever a request rejected with: a `TiercelError`, or an LSP response error whose `data`
 * carries one.
 */
export function typedError(error: unknown): TiercelError | undefined {
  if (error instanceof TiercelError) {
    return error;
  }
  const data = isRecord(error) ? errorDataOf(error['data']) : undefined;
  if (data === undefined) {
    return undefined;
  }
  const options =
    data.retryAfterMs === undefined ? { cause: error } : { cause: error, retryAfterMs: data.retryAfterMs };
  return new TiercelError(data.code, messageOf(error), options);
}

/** True when the request ended because it was cancelled, here or in the server. */
export function isCancellation(error: unknown): boolean {
  const typed = typedError(error);
  if (typed !== undefined) {
    return typed.code === errorCodes.cancelled;
  }
  if (!isRecord(error)) {
    return false;
  }
  const code = error['code'];
  return (typeof code === 'number' && cancelledRpcCodes.has(code)) || error['name'] === 'Canceled';
}

/** Turns whatever a request rejected with into a message and a remedy. */
export function failureOf(error: unknown): Failure {
  const typed = typedError(error);
  if (typed !== undefined) {
    return { message: typed.message, ...remedies[typed.code] };
  }
  const code = isRecord(error) ? error['code'] : undefined;
  if (error instanceof ServerDown || (typeof code === 'number' && connectionRpcCodes.has(code))) {
    return {
      message:
        error instanceof ServerDown ? error.message : 'The Tiercel server stopped while it worked on this request',
      advice: 'Press Enter to restart the server.',
      remedy: 'restartServer',
    };
  }
  if (error instanceof NoAnswer) {
    return { message: error.message, advice: 'Press Enter to try again.', remedy: 'tryAgain' };
  }
  return { message: messageOf(error), ...remedies[errorCodes.report] };
}
