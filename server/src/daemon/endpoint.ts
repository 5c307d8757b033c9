/** Where the one server of a user listens. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { protocolVersion } from '../../../protocol/methods.ts';
import { cacheHome, runtimeDirectory } from '../settings/paths.ts';

export interface Endpoint {
  /** Socket path or Windows pipe name. */
  address: string;
  /** Held by the running server. */
  lockFile: string;
}

/**
 * The name carries protocol version, build and cache folder, so that a client of another version, or one that was told
 * to keep its data elsewhere, never talks to this server.
 *
 * @param mainFile the running bundle. Its bytes are the build's identity: it names its parts by their hash. The addon
 * beside it counts by size and time.
 */
export function endpoint(mainFile: string): Endpoint {
  const addon = statSync(join(dirname(mainFile), 'native', 'tiercel.node'), { throwIfNoEntry: false });
  const build = createHash('sha256')
    .update(readFileSync(mainFile))
    .update(`${String(addon?.size)} ${String(addon?.mtimeMs)} ${cacheHome()}`)
    .digest('hex')
    .slice(0, 12);
  const name = `tiercel-${String(protocolVersion)}-${build}`;
  const directory = runtimeDirectory();
  return {
    address: process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(directory, `${name}.sock`),
    lockFile: join(directory, `${name}.lock`),
  };
}

/** True when the bundle on disk is not the one that was started at `address` any more: replaced, or gone. */
export function isOutdated(mainFile: string, address: string): boolean {
  try {
    return endpoint(mainFile).address !== address;
  } catch {
    return true;
  }
}
