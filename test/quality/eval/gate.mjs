/** The committed baseline: what each question scored, and whether a run is worse than that by more than chance. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { bootstrap } from './score.mjs';

/** NDCG@10 is kept in thousandths: finer than any difference that counts. */
const thousandths = (value) => Math.round(value * 1000);

/** Results by set: `{ [set]: { [question]: thousandths of NDCG@10 } }`. */
export function baselineOf(results) {
  return Object.fromEntries(
    results.map(({ set, rows }) => [set, Object.fromEntries(rows.map(({ id, ndcg }) => [id, thousandths(ndcg)]))]),
  );
}

/** Replaces what was asked; other questions keep their scores. */
export async function writeBaseline(file, results) {
  const kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const asked = Object.entries(baselineOf(results)).map(([set, scores]) => [set, { ...kept[set], ...scores }]);
  const text = JSON.stringify({ ...kept, ...Object.fromEntries(asked) });
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}

/**
 * Per set: the change against the baseline over the questions that both have. `worse` when even the upper end of the 95%
 * interval (paired bootstrap) is below zero.
 */
export function compare(file, results) {
  const baseline = JSON.parse(readFileSync(file, 'utf8'));
  return results.map(({ set, rows }) => {
    const before = baseline[set] ?? {};
    const shared = rows.filter(({ id }) => id in before);
    const differences = shared.map(({ id, ndcg }) => (thousandths(ndcg) - before[id]) / 1000);
    const { change, low, high } = bootstrap(differences);
    return { set, questions: shared.length, change, low, high, worse: shared.length === 0 || high < 0 };
  });
}
