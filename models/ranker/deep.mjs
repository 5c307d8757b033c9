/**
 * Weights of the deep lane, and what the instant lane counts beside it; all others as they are in
 * server/src/retrieval/weights-*.json.
 *
 *   node models/ranker/prepare.mjs  --training HELD_OUT --out FOLDER --per-language 1
 *   node models/ranker/features.mjs --out FOLDER --deep --only REPOSITORY,…
 *   node models/ranker/features.mjs --out FOLDER --deep --eval FOLDER --work FOLDER --sets repo-questions,…
 *   node models/ranker/deep.mjs     --out FOLDER [--penalty 0.002] [--signals deep,deepRank,deepFile] [--write]
 *
 * FOLDER is one of its own: features of the ranker's training have no deep vectors. HELD_OUT holds the repositories that
 * neither lane's vectors were trained on (those that models/instant-v2 holds out): learned from their questions and from
 * `repo-questions`, and told by five folds by repository; the other sets are never learned from. To be run again whenever
 * the other weights or the transformer have changed. --write puts the weights learned from all into a file where they
 * were better on repositories kept apart by more than chance (paired bootstrap).
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { bootstrap, grouped, mean } from '../../test/quality/eval/score.mjs';
import { partOf, readSet, signalNamesOf } from './feature-sets.mjs';
import { learn } from './learn.mjs';
import { report, scale } from './report.mjs';
import { foldOf, folds, root } from './sources.mjs';
import { weighted } from './worth.mjs';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    penalty: { type: 'string', default: '0.002' },
    steps: { type: 'string', default: '100' },
    signals: { type: 'string', default: 'deep,deepRank,deepFile' },
    write: { type: 'boolean', default: false },
  },
});
if (!values.out || !existsSync(join(values.out, 'features', 'training'))) {
  console.error('usage: node models/ranker/deep.mjs --out FOLDER (as features.mjs --deep left it)');
  process.exit(2);
}
/** What the instant lane may count beside the deep one, as a share of what it counts without. */
const shares = [0, 0.15, 0.3, 0.45, 0.6, 0.8, 1];
const parts = ['words', 'description', 'symbol'];
const isDeep = (name) => name.startsWith('deep');
const learnable = new Set(values.signals.split(','));
const names = signalNamesOf(values.out, 'training');

/** Scaled weights of a part by what the instant lane counts beside the deep one; every candidate has a deep vector. */
const vectorOf = (weights, share) =>
  names.map((name) => (weights[name] ?? 0) * scale * (name.startsWith('instant') ? share : 1));
const withoutDeep = (weights) => names.map((name) => (isDeep(name) ? 0 : (weights[name] ?? 0)) * scale);

function learned(questions, weights, share) {
  const all = weighted(questions, 1);
  return Object.fromEntries(
    parts.map((part) => [
      part,
      learn(
        all.filter((question) => partOf(question) === part),
        {
          prior: vectorOf(weights[part], share),
          frozen: names.map((name) => !learnable.has(name)),
          // More likeness never counts against a chunk.
          least: names.map((name) => (learnable.has(name) ? 0 : -Infinity)),
          penalty: Number(values.penalty),
          steps: Number(values.steps),
        },
      ),
    ]),
  );
}

const inRepositories = (question) => parts.includes(partOf(question));
const seen = ['training', 'repo-questions'].flatMap((set) => readSet(values.out, set, names)).filter(inRepositories);
const others = readdirSync(join(values.out, 'features'))
  .filter((set) => set !== 'training' && set !== 'repo-questions')
  .flatMap((set) => readSet(values.out, set, names))
  .filter(inRepositories);
const everything = [...seen, ...others];

/** Every source counts the same. */
const overall = (scored) =>
  mean([...grouped(scored, ({ source }) => source).values()].map((rows) => mean(rows.map(({ ndcg }) => ndcg))));

function learnFor(name) {
  const file = join(root, 'server', 'src', 'retrieval', `weights-${name}.json`);
  const weights = JSON.parse(readFileSync(file, 'utf8'));
  const told = (title, questions, weightsFor) =>
    report(`${name}: ${title}`, questions, weightsFor, (question) => weights.repeated[partOf(question)]);
  told('without deep', everything, (question) => withoutDeep(weights[partOf(question)]));
  const before = told('as they are', everything, (question) =>
    vectorOf(weights[partOf(question)], weights.instantBesideDeep),
  );
  const apart = shares.map((share) => {
    const byFold = Array.from({ length: folds }, (_, fold) =>
      learned(
        seen.filter(({ repo }) => foldOf(repo) !== fold),
        weights,
        share,
      ),
    );
    const scored = told(`kept apart, instant ${share}`, seen, (one) => byFold[foldOf(one.repo)][partOf(one)]);
    return { share, scored, value: overall(scored) };
  });
  const best = apart.reduce((most, one) => (one.value > most.value ? one : most));
  // `seen` comes first in `everything`.
  const { change, low, high } = bootstrap(best.scored.map(({ ndcg }, at) => ndcg - before[at].ndcg));
  console.log(
    `  instant ${best.share}: change per question ${change.toFixed(4)} (95% ${low.toFixed(4)} … ${high.toFixed(4)})`,
  );
  const final = learned(seen, weights, best.share);
  told('learned', everything, (question) => final[partOf(question)]);
  for (const part of parts) {
    const figures = names
      .map((signal, at) => [signal, Number((final[part][at] / scale).toFixed(3))])
      .filter(([signal]) => isDeep(signal));
    console.log(`  ${part}: ${figures.map(([signal, weight]) => `${signal} ${weight}`).join(', ')}`);
    Object.assign(weights[part], Object.fromEntries(figures));
  }
  return { file, better: low > 0, weights: { ...weights, instantBesideDeep: best.share } };
}

for (const name of ['learned', 'hand']) {
  const { file, better, weights } = learnFor(name);
  if (!values.write || !better) continue;
  const options = { ...(await resolveConfig(file)), filepath: file };
  writeFileSync(file, await format(JSON.stringify(weights), options));
}
