/**
 * Weights of the deep lane alone, all others as they are in server/src/retrieval/weights-*.json.
 *
 *   node models/ranker/features.mjs --out FOLDER --deep --eval FOLDER --work FOLDER --sets repo-questions,web-queries,…
 *   node models/ranker/deep.mjs     --out FOLDER [--penalty 0.002] [--signals deep,deepRank,deepFile] [--write]
 *
 * FOLDER is one of its own: features of the ranker's training have no deep vectors. What `deep`, `deepRank` and `deepFile`
 * count is learned from `repo-questions` alone and told by five folds by repository; the other sets are never learned from.
 * To be run again whenever the other weights have changed. --write puts the weights learned from all of repo-questions
 * into a file where they were better on repositories kept apart by more than chance (paired bootstrap).
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { bootstrap, grouped, mean } from '../../test/quality/eval/score.mjs';
import { partOf, readSet, signalNamesOf } from './feature-sets.mjs';
import { learn, ndcg } from './learn.mjs';
import { foldOf, folds, root } from './sources.mjs';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    penalty: { type: 'string', default: '0.002' },
    steps: { type: 'string', default: '100' },
    signals: { type: 'string', default: 'deep,deepRank,deepFile' },
    write: { type: 'boolean', default: false },
  },
});
if (!values.out || !existsSync(join(values.out, 'features', 'repo-questions'))) {
  console.error('usage: node models/ranker/deep.mjs --out FOLDER (as features.mjs --deep left it)');
  process.exit(2);
}
/** Weights are for sums around 1; the loss wants them larger to be sure of an order. */
const scale = 5;
const isDeep = (name) => name.startsWith('deep');
const learnable = new Set(values.signals.split(','));
const files = Object.fromEntries(
  ['learned', 'hand'].map((name) => [name, join(root, 'server', 'src', 'retrieval', `weights-${name}.json`)]),
);
const names = signalNamesOf(values.out, 'repo-questions');

const vectorOf = (weights) => names.map((name) => (weights[name] ?? 0) * scale);
const without = (weights) => names.map((name) => (isDeep(name) ? 0 : (weights[name] ?? 0)) * scale);

/** Every repository counts the same. */
function learned(questions, weights, part) {
  const of = questions.filter((question) => partOf(question) === part && question.answer.some((value) => value > 0));
  const sizes = new Map([...grouped(of, ({ repo }) => repo)].map(([repo, list]) => [repo, list.length]));
  return learn(
    of.map((question) => ({ ...question, weight: 1000 / sizes.size / sizes.get(question.repo) })),
    {
      prior: vectorOf(weights[part]),
      frozen: names.map((name) => !learnable.has(name)),
      // More likeness never counts against a chunk.
      least: names.map((name) => (learnable.has(name) ? 0 : -Infinity)),
      penalty: Number(values.penalty),
      steps: Number(values.steps),
    },
  );
}

function report(title, questions, weightsFor, repeated) {
  const scored = questions.map((question) => ({
    ...question,
    ndcg: ndcg(question, weightsFor(question), repeated[partOf(question)] * scale),
  }));
  const cells = [...grouped(scored, ({ set }) => set)].map(([set, rows]) => {
    const groups = [...grouped(rows, ({ group }) => group).values()].map((of) => mean(of.map((row) => row.ndcg)));
    const value = set === 'repo-questions' ? mean(groups) : mean(rows.map((row) => row.ndcg));
    return `${set} ${value.toFixed(4)}`;
  });
  console.log(`${title.padEnd(34)} ${cells.join('  ')}`);
  return scored;
}

const labelled = readSet(values.out, 'repo-questions', names);
const others = readdirSync(join(values.out, 'features'))
  .filter((set) => set !== 'repo-questions')
  .flatMap((set) => readSet(values.out, set, names));
const everything = [...labelled, ...others];
const parts = ['words', 'description', 'symbol'];

for (const [name, file] of Object.entries(files)) {
  const weights = JSON.parse(readFileSync(file, 'utf8'));
  const fixed = (question) => vectorOf(weights[partOf(question)]);
  report(`${name}: without deep`, everything, (question) => without(weights[partOf(question)]), weights.repeated);
  const before = report(`${name}: as they are`, everything, fixed, weights.repeated);
  const byFold = Array.from({ length: folds }, (_, fold) => {
    const seen = labelled.filter((question) => foldOf(question.repo) !== fold);
    return Object.fromEntries(parts.map((part) => [part, learned(seen, weights, part)]));
  });
  const apart = (question) => byFold[foldOf(question.repo)][partOf(question)] ?? fixed(question);
  const after = report(`${name}: learned, kept apart`, labelled, apart, weights.repeated);
  // `labelled` comes first in `everything`.
  const { change, low, high } = bootstrap(after.map(({ ndcg: value }, at) => value - before[at].ndcg));
  console.log(`  change per question ${change.toFixed(4)} (95% ${low.toFixed(4)} … ${high.toFixed(4)})`);
  const final = Object.fromEntries(parts.map((part) => [part, learned(labelled, weights, part)]));
  report(`${name}: learned, fitted`, everything, (q) => final[partOf(q)] ?? fixed(q), weights.repeated);
  const deepNames = names.filter(isDeep);
  for (const part of parts) {
    const figures = deepNames.map((signal) => [
      signal,
      Number((final[part][names.indexOf(signal)] / scale).toFixed(3)),
    ]);
    console.log(`  ${part}: ${figures.map(([signal, weight]) => `${signal} ${weight}`).join(', ')}`);
    Object.assign(weights[part], Object.fromEntries(figures));
  }
  if (values.write && low > 0) {
    const options = { ...(await resolveConfig(file)), filepath: file };
    writeFileSync(file, await format(JSON.stringify(weights), options));
  }
}
