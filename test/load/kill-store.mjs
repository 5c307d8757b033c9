/**
 * Kills a process that writes to the store with SIGKILL at seeded random moments, opens the store each time and checks
 * that every acknowledged commit is there, whole. The contract tests do the same a few times.
 *
 *   node test/load/kill-store.mjs [--kills 200] [--seed 1] [--longest 150]
 *
 * `--longest`: milliseconds from a writer's first commit to its end, at most.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { addonEnvironment, bundled } from './bundled.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    longest: { type: 'string', default: '150' },
  },
});
const env = addonEnvironment();
process.env.TIERCEL_NATIVE = env.TIERCEL_NATIVE;

const folder = mkdtempSync(join(tmpdir(), 'tiercel-kill-store-'));
let held = 0;
let failed = 0;
try {
  const writer = await bundled('contract/crash-writer.ts', folder);
  const { crashRounds } = await import(pathToFileURL(await bundled('contract/crash-rounds.ts', folder)).href);
  const start = performance.now();
  const commits = await crashRounds(writer, {
    folder,
    rounds: Number(values.kills),
    seed: Number(values.seed),
    longestMs: Number(values.longest),
    env,
    onRound: (round, acknowledged) => {
      held += 1;
      if ((round + 1) % 20 === 0) console.log(`${round + 1} kills, ${acknowledged + 1} commits acknowledged`);
    },
  });
  console.log(`${commits} commits in ${((performance.now() - start) / 1000).toFixed(1)} s`);
} catch (error) {
  failed = 1;
  console.error(error);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${held} passed, ${failed} failed`);
process.exitCode = failed;
