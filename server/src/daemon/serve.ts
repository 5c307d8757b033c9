/** The server process: listens, serves every client, ends when nobody has been connected for a while. */
import { unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { TiercelError, errorCodes, messageOf } from '../../../protocol/errors.ts';
import { Host } from '../host/host.ts';
import { createLogger, type Logger } from '../logging/logger.ts';
import { acquireFileLock } from '../native/index.ts';
import { runSession } from '../session/session.ts';
import { resolveSettings } from '../settings/index.ts';
import { logDirectory } from '../settings/paths.ts';
import { endpoint, isOutdated } from './endpoint.ts';

const defaultIdleMs = 10 * 60_000;
const idleCheckMs = 2000;
const logFileBytes = 5 * 1024 * 1024;
const logFiles = 4;

export interface ServeOptions {
  mainFile: string;
  version: string;
}

/** Serves until idle, asked to end, or signalled. Returns at once when another process serves already. */
export async function serve({ mainFile, version }: ServeOptions): Promise<void> {
  const { address, lockFile } = endpoint(mainFile);
  // The lock, not the socket file, says who serves: it is released by the system however a process ends.
  const lock = acquireFileLock(lockFile);
  if (lock === undefined) return;
  const settings = resolveSettings(undefined).settings;
  const logger = createLogger({
    file: join(logDirectory(), 'server.log'),
    level: settings.logLevel,
    maxBytes: logFileBytes,
    maxFiles: logFiles,
  });
  const host = new Host({ logger, settings, mainFile });
  const sessions = new Set<Socket>();
  await new Promise<void>((resolve, reject) => {
    const idle = idleTimer(resolve, () => isOutdated(mainFile, address));
    const server = createServer((socket) => {
      idle.stop();
      sessions.add(socket);
      void runSession({ socket, host, logger, version, shutdownServer: resolve }).finally(() => {
        sessions.delete(socket);
        if (sessions.size === 0) idle.start();
      });
    });
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.once(signal, () => {
        resolve();
      });
    reportDefects(logger);
    listen(server, address).then(
      () => {
        logger.info(`Tiercel ${version} serves, process ${String(process.pid)}`);
        idle.start();
      },
      (error: unknown) => {
        reject(
          new TiercelError(errorCodes.fixTheMachine, `Cannot listen at ${address}: ${messageOf(error)}`, {
            cause: error,
          }),
        );
      },
    );
  }).finally(async () => {
    for (const socket of sessions) socket.destroy();
    await host.close();
    logger.info('Tiercel ends');
    logger.close();
    lock.release();
  });
}

async function listen(server: Server, address: string): Promise<void> {
  // Left behind by a process that was killed; the lock says that nobody serves there.
  if (process.platform !== 'win32') await unlink(address).catch(() => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Ends the server when nobody has been connected for a while, and within seconds when it was updated meanwhile: clients
 * of the new build start a server of their own, which needs the indexes this one holds open.
 */
function idleTimer(onIdle: () => void, outdated: () => boolean): { start: () => void; stop: () => void } {
  const configured = Number(process.env['TIERCEL_IDLE_MS']);
  const ms = Number.isFinite(configured) && configured > 0 ? configured : defaultIdleMs;
  let timer: NodeJS.Timeout | undefined;
  return {
    start: () => {
      clearInterval(timer);
      const since = performance.now();
      timer = setInterval(
        () => {
          if (performance.now() - since >= ms || outdated()) onIdle();
        },
        Math.min(ms, idleCheckMs),
      );
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}

/** A defect in one request must not end the server for every window. */
function reportDefects(logger: Logger): void {
  process.on('unhandledRejection', (reason) => {
    logger.error('Unhandled rejection', reason);
  });
  process.on('uncaughtException', (error) => {
    logger.error('Uncaught exception', error);
  });
}
