import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { log } from '../log.ts';
import { benchFolder } from '../places.ts';

/** Apache-2.0, all of them. Only the bench uses them; they are installed when it is first run with peers. */
const packages = {
  usearch: '2.26.2',
  'hnswlib-node': '3.0.0',
  '@lancedb/lancedb': '0.39.0',
  'apache-arrow': '18.1.0',
} as const;

export type PeerPackage = keyof typeof packages;

const folder = (): string => join(benchFolder(), 'peers');

/** @throws Error when npm cannot install them */
export function installPeers(): void {
  const missing = Object.entries(packages).some(([name, version]) => installedVersion(name) !== version);
  if (!missing) return;
  log(`Installing ${Object.keys(packages).join(', ')} for the bench …`);
  mkdirSync(folder(), { recursive: true });
  // Newer versions of npm run a package's install script only when it is named.
  const allowScripts = { 'hnswlib-node': true, usearch: true };
  const manifest = { private: true, dependencies: packages, allowScripts };
  writeFileSync(join(folder(), 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  // LanceDB's optional peers are large and concern embedding functions only.
  const { status } = spawnSync(
    'npm',
    ['install', '--legacy-peer-deps', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: folder(),
      stdio: ['ignore', process.stderr.fd, 'inherit'],
      shell: process.platform === 'win32',
    },
  );
  if (status !== 0) throw new Error('npm could not install the peers, see above; without them: --peers none');
}

/** The package, whose shape the caller knows, and its version. */
export function loadPeer(name: PeerPackage): { library: unknown; version: string } {
  const library: unknown = createRequire(join(folder(), 'package.json'))(name);
  return { library, version: installedVersion(name) ?? '' };
}

function installedVersion(name: string): string | undefined {
  const manifest = join(folder(), 'node_modules', name, 'package.json');
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
