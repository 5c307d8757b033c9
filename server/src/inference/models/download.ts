/** One file from the network: resumed, bounded, checked, and in place only when it is whole. */
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cancelled, errorCodes, isRetryable, messageOf, TiercelError } from '../../../../protocol/errors.ts';
import { diskError, hashFile, mebibytes, requireSpace, writeAtomically } from './files.ts';
import { fetchOnce } from './transport.ts';

export interface DownloadOptions {
  url: string;
  /** Where the file goes; what is there already is replaced when the new one is whole. */
  path: string;
  /** What it has to be; undefined: whatever comes. */
  sha256?: string | undefined;
  bytes?: number | undefined;
  signal: AbortSignal;
  /** @param total undefined while the server has not told it */
  onProgress?: (done: number, total: number | undefined) => void;
  /** No byte for so long counts as a broken connection; default 30,000. */
  stallMs?: number;
  /** A broken connection is taken up again so often; default 4. */
  attempts?: number;
  /** Wait before another attempt, doubled each time; default 500. */
  retryMs?: number;
  /** Variables that name a proxy; default: those of this process. */
  environment?: NodeJS.ProcessEnv;
}

export interface Downloaded {
  sha256: string;
  bytes: number;
}

/** A file whose size nobody has told is cut off here. */
const mostBytes = 16 * 1024 ** 3;
/** Bytes that came and wait for the disk. */
const mostWaiting = 8 * 1024 * 1024;

/**
 * Bytes that have come are kept in `PATH.part` when the connection breaks or the caller cancels, and the next call goes
 * on behind them if the server still has the same file (by its ETag).
 *
 * @throws TiercelError `Cancelled`; `InstallWhatIsMissing` when the server has no such file or its content is not what
 * it has to be; `RetryLater` when the server fails or the connection keeps breaking; `FixTheMachine` when disk or proxy
 * refuse
 */
export async function downloadFile(options: DownloadOptions): Promise<Downloaded> {
  const { path, signal, attempts = 4, retryMs = 500 } = options;
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw diskError(error, path);
  });
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(options);
    } catch (error) {
      if (signal.aborted) throw cancelled();
      if (!isRetryable(error) || attempt >= attempts) throw error;
      await delay(retryMs * 2 ** (attempt - 1), undefined, { signal }).catch(() => {
        throw cancelled();
      });
    }
  }
}

async function attemptOnce(options: DownloadOptions): Promise<Downloaded> {
  const { url, path, signal, stallMs = 30_000, environment = process.env } = options;
  const part = `${path}.part`;
  const tagFile = `${part}.etag`;
  const held = await sizeOf(part);
  const tag = held > 0 ? await readFile(tagFile, 'utf8').catch(() => '') : '';
  const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'tiercel' };
  if (tag !== '') Object.assign(headers, { range: `bytes=${String(held)}-`, 'if-range': tag });
  const response = await fetchOnce(url, { headers, signal, stallMs, environment });
  const start = startOf(response, tag === '' ? 0 : held);
  if (start === undefined) {
    response.resume();
    // The server has no bytes behind ours: either all are there, or ours are of another file.
    if (response.statusCode === 416 && held === options.bytes) return finish(options, part, tagFile);
    if (response.statusCode === 416) await rm(part, { force: true });
    throw refusal(response, url);
  }
  const total = totalOf(response, start);
  const limit = options.bytes ?? total ?? mostBytes;
  try {
    if (total !== undefined && options.bytes !== undefined && total !== options.bytes) {
      throw new TiercelError(
        errorCodes.installWhatIsMissing,
        `${url} has ${String(total)} bytes, ${String(options.bytes)} are expected: it is another version.`,
      );
    }
    if (limit > mostBytes) throw new TiercelError(errorCodes.fixTheMachine, `${url} is larger than any model.`);
    await requireSpace(dirname(path), (total ?? (limit === mostBytes ? 0 : limit)) - start);
    const etag = response.headers.etag;
    if (start === 0) {
      await rm(part, { force: true });
      if (etag === undefined || etag.startsWith('W/')) await rm(tagFile, { force: true });
      else await writeAtomically(tagFile, etag);
    }
  } catch (error) {
    response.destroy();
    throw error;
  }
  await receive(options, response, part, start, limit, total);
  return finish(options, part, tagFile);
}

async function receive(
  { url, signal, onProgress, stallMs = 30_000 }: DownloadOptions,
  response: IncomingMessage,
  part: string,
  start: number,
  limit: number,
  total: number | undefined,
): Promise<void> {
  let done = start;
  onProgress?.(done, total);
  response.setTimeout(stallMs, () => {
    response.destroy(new Error(`nothing came for ${String(stallMs / 1000)} s`));
  });
  const onAbort = (): void => {
    response.destroy(cancelled());
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await appendAll(response, part, start === 0, (length) => {
      done += length;
      if (done > limit) {
        throw new TiercelError(
          errorCodes.installWhatIsMissing,
          `${url} sends more than the ${mebibytes(limit)} it should have.`,
        );
      }
      onProgress?.(done, total);
    });
  } catch (error) {
    if (signal.aborted) throw cancelled();
    const told = diskError(error, part);
    if (!(told instanceof TiercelError)) throw broken(url, done, messageOf(error), error);
    if (told.code === errorCodes.installWhatIsMissing) await rm(part, { force: true });
    throw told;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  if (total !== undefined && done < total) throw broken(url, done, `${String(total - done)} bytes are missing`);
}

/**
 * Writes what comes, all of it: a stream that breaks drops what lies in its buffers, so pieces are taken out as they come
 * and the stream is held only while many of them wait for the disk.
 *
 * @param count is told of every piece before it is written; what it throws ends the download
 */
async function appendAll(
  response: IncomingMessage,
  part: string,
  anew: boolean,
  count: (length: number) => void,
): Promise<void> {
  const file = await open(part, anew ? 'w' : 'a');
  try {
    let waiting = 0;
    let written: Promise<unknown> = Promise.resolve();
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => {
        response.destroy();
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      };
      response.on('data', (piece: Buffer) => {
        try {
          count(piece.length);
        } catch (error) {
          fail(error);
          return;
        }
        waiting += piece.length;
        if (waiting > mostWaiting) response.pause();
        written = written.then(async () => {
          await file.appendFile(piece);
          waiting -= piece.length;
          if (waiting <= mostWaiting) response.resume();
        });
        written.catch(fail);
      });
      response.on('end', resolve);
      response.on('error', reject);
      response.on('close', () => {
        if (!response.complete) reject(new Error('closed early'));
      });
      // It may have been ended before anybody listened.
      if (response.destroyed) reject(new Error('closed early'));
    }).finally(() => written);
  } finally {
    await file.close();
  }
}

/** Checks what has come and puts it in place. */
async function finish(
  { url, path, sha256, bytes, signal }: DownloadOptions,
  part: string,
  tagFile: string,
): Promise<Downloaded> {
  const size = await sizeOf(part);
  const hash = await hashFile(part, signal).catch((error: unknown) => {
    throw signal.aborted ? cancelled() : diskError(error, part);
  });
  if ((sha256 !== undefined && hash !== sha256) || (bytes !== undefined && size !== bytes)) {
    await rm(part, { force: true });
    await rm(tagFile, { force: true });
    throw new TiercelError(
      errorCodes.installWhatIsMissing,
      `${basename(path)} from ${url} is not what it should be (SHA-256 ${hash}, expected ${sha256 ?? `${String(bytes)} bytes`}): thrown away. ` +
        'The source has another version, or something changes what it sends.',
    );
  }
  await rename(part, path);
  await rm(tagFile, { force: true });
  return { sha256: hash, bytes: size };
}

/** The byte the answer begins with; undefined when it is no answer to the request. */
function startOf({ statusCode, headers }: IncomingMessage, asked: number): number | undefined {
  if (statusCode === 200) return 0;
  if (statusCode !== 206) return undefined;
  const from = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1];
  return Number(from) === asked ? asked : undefined;
}

function totalOf({ headers }: IncomingMessage, start: number): number | undefined {
  const length = Number(headers['content-length']);
  return headers['content-length'] === undefined || !Number.isInteger(length) ? undefined : start + length;
}

function refusal({ statusCode = 0 }: IncomingMessage, url: string): TiercelError {
  if (statusCode === 404 || statusCode === 410) {
    return new TiercelError(errorCodes.installWhatIsMissing, `There is no ${url} (${String(statusCode)}).`);
  }
  if (statusCode === 401 || statusCode === 403) {
    return new TiercelError(
      errorCodes.fixTheMachine,
      `${url} may not be read without an account (${String(statusCode)}).`,
    );
  }
  return new TiercelError(errorCodes.retryLater, `${url} answered ${String(statusCode)}.`, { retryAfterMs: 5000 });
}

function broken(url: string, done: number, why: string, cause?: unknown): TiercelError {
  return new TiercelError(
    errorCodes.retryLater,
    `The connection to ${new URL(url).host} broke after ${mebibytes(done)} (${why}). The same command goes on from there.`,
    { cause, retryAfterMs: 1000 },
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
