import { join } from 'node:path';
import { cacheHome } from '../server/src/settings/paths.ts';

/** The user's cache folder for data, indexes of peers and their packages. Not made. */
export function benchFolder(): string {
  return join(cacheHome(), 'bench');
}

/** The source tree that is benched; scripts/bench.mjs says where it is, as the bundle lies elsewhere. */
export function sourceRoot(): string {
  const root = process.env['TIERCEL_BENCH_ROOT'];
  if (root === undefined) throw new Error('Run the bench by npm run bench.');
  return root;
}

/** The bundle with the parse and inference entries. */
export function serverBundle(): string {
  return join(sourceRoot(), '.cache', 'bench', 'server.mjs');
}
