import { LSPErrorCodes, ErrorCodes, ResponseError } from 'vscode-languageserver/node';
import { TiercelError, errorCodes, messageOf, type ErrorData } from '../../../protocol/errors.ts';
import type { Logger } from '../logging/logger.ts';

/** Turns what a call threw into the response a client can act on; defects are logged with their stack. */
export function toResponseError(error: unknown, method: string, logger: Logger): ResponseError<ErrorData> {
  if (error instanceof TiercelError) {
    if (error.code === errorCodes.cancelled) {
      return new ResponseError(LSPErrorCodes.RequestCancelled, error.message, error.toData());
    }
    logger.warn(`${method}: ${error.code}: ${error.message}`);
    return new ResponseError(LSPErrorCodes.RequestFailed, error.message, error.toData());
  }
  logger.error(`${method} failed`, error);
  return new ResponseError(ErrorCodes.InternalError, `${messageOf(error)} (details are in the log)`, {
    code: errorCodes.report,
  });
}
