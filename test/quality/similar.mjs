/**
 * How well `tiercel/similar` finds the same task in other languages: every function of the cross-language sets is asked
 * for code like itself, NDCG@10 over the answers. Prints how many hits of its own language, none of which is an answer,
 * stand among the first ten, and the latency.
 *
 *   node test/quality/similar.mjs --eval FOLDER [--work FOLDER]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { languageClient, tiercel } from './eval/product.mjs';
import { scoreOf } from './eval/score.mjs';
import { sets } from './eval/sets.mjs';

const { values } = parseArgs({ options: { eval: { type: 'string' }, work: { type: 'string' } } });
if (values.eval === undefined) {
  console.error('usage: node test/quality/similar.mjs --eval FOLDER [--work FOLDER]');
  process.exit(2);
}
const work = values.work ?? mkdtempSync(join(tmpdir(), 'tiercel-similar-'));
mkdirSync(work, { recursive: true });
const home = join(work, 'home');
const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;

const client = await languageClient(home);
try {
  for (const name of ['cross-language-plain', 'cross-language-masked']) {
    const [{ path, questions, pathOf }] = sets[name](values.eval, work).folders;
    await tiercel(home, ['index', path]);
    const rows = [];
    for (const { doc_id: id, language, gainsOf, grades } of questions) {
      const params = { folder: path, path: pathOf(id), startLine: 1, endLine: 100_000, limit: 25, patienceMs: 30_000 };
      const { hits, timings } = await client.similar(params);
      const own = hits.slice(0, 10).filter((hit) => hit.language === language).length;
      rows.push({ ...scoreOf(gainsOf(hits), grades), own, milliseconds: timings.total });
    }
    const times = rows.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
    console.log(
      `${name}: ${rows.length} functions, NDCG@10 ${mean(rows.map(({ ndcg }) => ndcg)).toFixed(3)}, own language in the first ten ` +
        `${mean(rows.map(({ own }) => own)).toFixed(2)}, p50 ${times[Math.floor(times.length / 2)].toFixed(0)} ms`,
    );
  }
} finally {
  await client.close();
  await tiercel(home, ['stop']).catch((error) => console.error(error.message));
  if (values.work === undefined) rmSync(work, { recursive: true, force: true });
}
