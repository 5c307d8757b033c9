/** Where the one server of a user listens. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
 * @param mainFile the running bundle: its bytes are the build's identity.
 */
export function endpoint(mainFile: string): Endpoint {
  const build = createHash('sha256').update(readFileSync(mainFile)).update(cacheHome()).digest('hex').slice(0, 12);
  const name = `tiercel-${String(protocolVersion)}-${build}`;
  const directory = runtimeDirectory();
  return {
    address: process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(directory, `${name}.sock`),
    lockFile: join(directory, `${name}.lock`),
  };
}
