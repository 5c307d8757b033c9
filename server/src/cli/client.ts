/** The command line as a client of the server. */
import {
  CancellationTokenSource,
  createProtocolConnection,
  ResponseError,
  SocketMessageReader,
  SocketMessageWriter,
  WorkDoneProgress,
  type ProgressToken,
  type ProtocolConnection,
} from 'vscode-languageserver/node';
import { TiercelError, cancelled, errorCodes, type ErrorCode, type ErrorData } from '../../../protocol/errors.ts';
import { notifications } from '../../../protocol/methods.ts';
import type { SettingsInput } from '../../../protocol/settings.ts';
import type { IndexProgress } from '../../../protocol/status.ts';
import { connectOrStart } from '../daemon/connect.ts';

export class ServerClient {
  readonly #connection: ProtocolConnection;
  readonly #lost: Promise<never>;

  private constructor(connection: ProtocolConnection, lost: Promise<never>) {
    this.#connection = connection;
    this.#lost = lost;
  }

  static async open(mainFile: string, settings: SettingsInput): Promise<ServerClient> {
    const socket = await connectOrStart(mainFile);
    const connection = createProtocolConnection(
      new SocketMessageReader(socket),
      new SocketMessageWriter(socket),
      // The connection's own complaints repeat what its requests reject with.
      { error: () => undefined, warn: () => undefined, info: () => undefined, log: () => undefined },
    );
    const lost = new Promise<never>((_, reject) => {
      socket.once('close', () => {
        reject(
          new TiercelError(
            errorCodes.retryLater,
            'The Tiercel server ended. What it had committed is kept: run the same command again.',
          ),
        );
      });
    });
    lost.catch(() => undefined);
    socket.on('error', () => {
      // Followed by `close`.
    });
    connection.listen();
    const client = new ServerClient(connection, lost);
    await client.request('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {},
      initializationOptions: settings,
    });
    await connection.sendNotification('initialized', {});
    return client;
  }

  onProgress(listener: (progress: IndexProgress) => void): void {
    this.#connection.onNotification(notifications.progress, listener);
  }

  /** Progress of the one request whose parameters have the token as `workDoneToken`, in percent. */
  onWorkDone(token: ProgressToken, listener: (percentage: number) => void): void {
    this.#connection.onProgress(WorkDoneProgress.type, token, (progress) => {
      if (progress.kind === 'report' && progress.percentage !== undefined) listener(progress.percentage);
    });
  }

  /** @throws TiercelError with the server's code. */
  async request<R>(method: string, params: object, signal?: AbortSignal): Promise<R> {
    if (signal?.aborted === true) throw cancelled();
    const source = new CancellationTokenSource();
    const onAbort = (): void => {
      source.cancel();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([this.#connection.sendRequest<R>(method, params, source.token), this.#lost]);
    } catch (error) {
      throw toTiercelError(error);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      source.dispose();
    }
  }

  close(): void {
    this.#connection.end();
    this.#connection.dispose();
  }
}

const known = new Set<string>(Object.values(errorCodes));

function isErrorData(data: unknown): data is ErrorData {
  return typeof data === 'object' && data !== null && 'code' in data && known.has(String(data.code));
}

function toTiercelError(error: unknown): unknown {
  if (!(error instanceof ResponseError)) return error;
  const data: unknown = error.data;
  const code: ErrorCode = isErrorData(data) ? data.code : errorCodes.report;
  return new TiercelError(code, error.message, {
    cause: error,
    ...(isErrorData(data) && data.retryAfterMs !== undefined ? { retryAfterMs: data.retryAfterMs } : {}),
  });
}
