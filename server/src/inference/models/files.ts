/** Files of models: hashed, copied and written so that a crash or a full disk leaves the old state. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { errorCodes, messageOf, TiercelError } from '../../../../protocol/errors.ts';

/** Kept free: a disk that is full to the last byte harms more than a missing model. */
const reserveBytes = 64 * 1024 * 1024;

const diskCodes = new Set(['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EIO', 'EFBIG']);

/** SHA-256 as 64 hexadecimal digits. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, signal === undefined ? {} : { signal });
  return hash.digest('hex');
}

/** Writes a small file as a whole or not at all. @throws TiercelError `FixTheMachine` when the system refuses. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid.toString()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, path);
  }
}

/** @throws TiercelError `FixTheMachine` when `folder` (which exists) has no room for so many bytes more */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes + reserveBytes) return;
  throw new TiercelError(
    errorCodes.fixTheMachine,
    `${mebibytes(bytes)} are needed in ${folder} and ${mebibytes(free)} are free: make room, or move Tiercel's folder with TIERCEL_HOME.`,
  );
}

/** What the operating system refused, for a person; other errors as they are. */
export function diskError(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!diskCodes.has(code)) return error;
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'the disk is full' : messageOf(error);
  return new TiercelError(errorCodes.fixTheMachine, `${path} could not be written: ${why}.`, { cause: error });
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0)} MiB`;
}
