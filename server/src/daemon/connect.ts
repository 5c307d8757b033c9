/** Joins the running server of this user, or starts it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { TiercelError, errorCodes } from '../../../protocol/errors.ts';
import { ownProcess } from '../processes/command.ts';
import { logDirectory } from '../settings/paths.ts';
import { endpoint } from './endpoint.ts';

const startDeadlineMs = 30_000;
const endDeadlineMs = 30_000;
const retryMs = 25;

/**
 * @throws TiercelError `InstallWhatIsMissing` with the server's own words when it ends instead of listening, `RetryLater`
 * when somebody ended it meanwhile, `Report` when it neither listens nor ends.
 */
export async function connectOrStart(mainFile: string): Promise<Socket> {
  const { address } = endpoint(mainFile);
  const running = await tryConnect(address);
  if (running !== undefined) return running;
  const starting = startServer(mainFile);
  const deadline = performance.now() + startDeadlineMs;
  while (performance.now() < deadline) {
    const socket = await tryConnect(address);
    if (socket !== undefined) {
      starting.detach();
      return socket;
    }
    const failure = starting.failure();
    if (failure !== undefined) throw failure;
    await delay(retryMs);
  }
  throw new TiercelError(
    errorCodes.report,
    `The Tiercel server did not start within ${String(startDeadlineMs / 1000)} s. Its log is in ${logDirectory()}.`,
  );
}

/**
 * glibc gives every few threads a heap of their own and keeps what was freed in each: under mixed load that was three
 * times the memory for the same work (test/load/mixed.mjs).
 */
const fewArenas = { MALLOC_ARENA_MAX: '2' };

/** The running server's socket; undefined when none is running. */
export function tryConnect(address: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(address);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', () => {
      resolve(undefined);
    });
  });
}

/**
 * Resolves when the server that was asked to end has ended: while it ends it still takes connections, whose requests are
 * lost. One of them is held rather than asked for again and again, as the moment in which nobody answers is short where
 * another client waits to start the next server.
 *
 * @throws TiercelError `RetryLater` when somebody still answers after `limitMs`
 */
export async function untilNobodyAnswers(address: string, limitMs = endDeadlineMs): Promise<void> {
  const limit = AbortSignal.timeout(limitMs);
  while (!limit.aborted) {
    const socket = await tryConnect(address);
    if (socket === undefined) return;
    await untilClosed(socket, limit);
  }
  throw new TiercelError(
    errorCodes.retryLater,
    `A Tiercel server still answers after ${String(limitMs / 1000)} s: it is still ending, or another program started it ` +
      `again. Its log is in ${logDirectory()}.`,
  );
}

/** Closes it itself when the limit is reached. */
async function untilClosed(socket: Socket, limit: AbortSignal): Promise<void> {
  // Nobody wants to know what it says, but its end is seen only by who reads.
  socket.resume();
  try {
    await once(socket, 'close', { signal: limit });
  } catch {
    // It was reset, or the time is over: who asks next learns which.
    socket.destroy();
  }
}

interface Starting {
  /** Why it ended; undefined while it runs or ended well (another one serves). */
  failure(): TiercelError | undefined;
  /** Lets this process end while the server goes on. */
  detach(): void;
}

function startServer(mainFile: string): Starting {
  const { file, args, env } = ownProcess('daemon', mainFile);
  const child = spawn(file, args, {
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...fewArenas, ...process.env, ...env },
    // The server must not keep a folder busy that the user wants to remove.
    cwd: process.platform === 'win32' ? undefined : '/',
  });
  let said = '';
  let failed: TiercelError | undefined;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.once('error', (error) => {
    failed = new TiercelError(
      errorCodes.installWhatIsMissing,
      `The Tiercel server could not be started: ${error.message}`,
      { cause: error },
    );
  });
  child.once('close', (code, signal) => {
    if (signal !== null) {
      failed = new TiercelError(
        errorCodes.retryLater,
        `The Tiercel server was ended by ${signal} while it started: run the same command again.`,
      );
    } else if (code !== 0) {
      failed = new TiercelError(
        errorCodes.installWhatIsMissing,
        said.trim() || `The Tiercel server ended with code ${String(code)}.`,
      );
    }
  });
  return {
    failure: () => failed,
    detach: () => {
      child.stderr.destroy();
      child.unref();
    },
  };
}
