/** From a fresh clone to something that runs: packages, then the build, each only where it is out of date. */
import { build } from './build.mjs';
import { installEnvironment, missingTools, npm } from './machine.mjs';
import { isBuilt, isInstalled, root } from './sources.mjs';

/** @throws Error whose message is for the person at the terminal */
export function checkMachine() {
  const missing = missingTools();
  if (missing.length > 0)
    throw new Error(`Tiercel needs what this machine does not have:\n\n- ${missing.join('\n- ')}\n`);
}

/** @returns false when there was nothing to do */
export function install() {
  if (isInstalled()) return false;
  console.error('Installing packages (npm ci), about a minute …');
  const { status, error } = npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // Standard output belongs to the results.
    stdio: ['ignore', process.stderr.fd, 'inherit'],
    env: installEnvironment(),
  });
  if (status !== 0) throw new Error(`npm ci failed${error === undefined ? '' : ` (${error.message})`}: see above.`);
  return true;
}

/** @returns false when there was nothing to do */
export async function buildIfStale() {
  if (isBuilt()) return false;
  console.error('Building; the search engine takes some minutes the first time …');
  await build();
  return true;
}
