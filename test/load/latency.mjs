/**
 * How long a question takes in a large index, by stage.
 *
 *   node test/load/latency.mjs FOLDER --questions FILE [--home FOLDER] [--lanes lexical,instant] [--rounds 2] [--rerank]
 *
 * Indexes FOLDER (unless the home already holds its index), then asks every line of FILE one after the other through a
 * language server, `--rounds` times, and prints p50, p95 and p99 of the milliseconds that the server reports: as a whole
 * and by stage. With --rerank the built-in reranker puts the best hits in order, within its usual time. The first round of
 * questions warms and is not counted.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { languageClient, tiercel } from '../quality/eval/product.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    questions: { type: 'string' },
    home: { type: 'string' },
    lanes: { type: 'string', default: 'lexical,instant' },
    rounds: { type: 'string', default: '2' },
    rerank: { type: 'boolean', default: false },
  },
});
if (positionals.length !== 1 || values.questions === undefined) {
  console.error(
    'usage: node test/load/latency.mjs FOLDER --questions FILE [--home FOLDER] [--lanes LANE,…] [--rounds N] [--rerank]',
  );
  process.exit(2);
}
const folder = resolve(positionals[0]);
const questions = readFileSync(values.questions, 'utf8').split('\n').filter(Boolean);
const home = values.home ?? mkdtempSync(join(tmpdir(), 'tiercel-latency-'));
const lanes = values.lanes.split(',');

/** The value below which the share `p` of the sorted numbers is. */
const quantile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];

function line(name, numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const cells = [0.5, 0.95, 0.99].map((p) => quantile(sorted, p).toFixed(1).padStart(8));
  console.log(`${name.padEnd(10)} ${cells.join(' ')}`);
}

try {
  const { files, chunks } = JSON.parse(await tiercel(home, ['index', folder, '--json']));
  const client = await languageClient(home);
  const { rerank } = values;
  const ask = (query) => client.search({ folder, query, lanes, limit: 10, patienceMs: 30_000, rerank });
  for (const query of questions) await ask(query);
  const timings = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const query of questions) timings.push((await ask(query)).timings);
  }
  await client.close();
  console.log(`${files} files, ${chunks} chunks, ${timings.length} questions, load ${loadavg()[0].toFixed(1)}`);
  console.log(`${'ms'.padEnd(10)} ${['p50', 'p95', 'p99'].map((name) => name.padStart(8)).join(' ')}`);
  for (const stage of ['total', 'embed', 'lexical', 'vector', 'fuse', 'read']) {
    line(
      stage,
      timings.map((timing) => timing[stage]),
    );
  }
} finally {
  await tiercel(home, ['stop']);
  if (values.home === undefined) rmSync(home, { recursive: true, force: true });
}
