/**
 * How much a build beside it slows while Tiercel indexes, at each load: type checks of this repository, one per core, alone
 * and beside the indexing of a folder, in turn, so that both meet the same machine.
 *
 *   node test/load/throttle.mjs FOLDER [--rounds 5] [--loads low,normal,full]
 *
 * FOLDER should take longer to index than a build takes. Linux only.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createProtocolConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-languageserver/node';
import { cpuSeconds, processesOf } from './large/processes.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const mainFile = join(root, 'dist', 'main.mjs');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, loads: { type: 'string', default: 'low,normal,full' } },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error('usage: node test/load/throttle.mjs FOLDER [--rounds 5] [--loads low,normal,full]');
  process.exit(2);
}

/** @returns seconds until all are done */
async function build() {
  const start = performance.now();
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const child = spawn(process.execPath, [compiler, '--noEmit'], { cwd: root, stdio: 'ignore' });
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error('The type check failed: mend the sources first.');
    }),
  );
  return (performance.now() - start) / 1000;
}

/** @returns seconds of a build while the folder is indexed at this load, and the processor time indexing took, per second */
async function besideIndexing(load) {
  const home = mkdtempSync(join(tmpdir(), 'tiercel-throttle-'));
  const child = spawn(process.execPath, [mainFile, 'lsp', '--stdio'], {
    env: { ...process.env, TIERCEL_HOME: home },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  let phase = '';
  connection.onNotification('tiercel/progress', (progress) => {
    phase = progress.phase;
  });
  connection.listen();
  await connection.sendRequest('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: {},
    initializationOptions: { background: { load } },
    workspaceFolders: [{ uri: pathToFileURL(folder).href, name: 'folder' }],
  });
  await connection.sendNotification('initialized', {});
  while (phase !== 'indexing') await delay(50);
  // Past the start of its processes.
  await delay(3000);
  const used = () => processesOf(mainFile, home).reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  const before = used();
  const seconds = await build();
  const share = (used() - before) / seconds;
  if (phase !== 'indexing') console.log(`  (indexing was over before the build: ${phase})`);
  for (const { pid } of processesOf(mainFile, home)) process.kill(pid, 'SIGKILL');
  connection.dispose();
  await once(child, 'close');
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  return { seconds, share };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

await build();
for (const load of values.loads.split(',')) {
  const ratios = [];
  const shares = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const before = await build();
    const { seconds, share } = await besideIndexing(load);
    const after = await build();
    const alone = (before + after) / 2;
    ratios.push(seconds / alone);
    shares.push(share);
    console.log(`  ${load}: alone ${before.toFixed(1)} s and ${after.toFixed(1)} s, beside ${seconds.toFixed(1)} s`);
  }
  console.log(
    `${load}: a build beside it takes ${((median(ratios) - 1) * 100).toFixed(1)}% longer (median of ${ratios.length}; ` +
      `${ratios.map((ratio) => ((ratio - 1) * 100).toFixed(0)).join(', ')}), indexing has ${(median(shares) * 100).toFixed(0)}% of a core`,
  );
}
