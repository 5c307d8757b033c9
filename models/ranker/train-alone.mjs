/**
 * What weights for functions that stand alone, a file each, are worth: `alone` of server/src/retrieval/weights-hand.json,
 * those for repositories, and those learned from such functions.
 *
 *   node models/ranker/prepare.mjs     --training HELD_OUT --out FOLDER --per-language 1 --most-files 1900
 *   node models/ranker/alone.mjs       --training HELD_OUT --out FOLDER
 *   node models/ranker/features.mjs    --out FOLDER --deep --only alone-0-bare,alone-0-nameless,…
 *   node models/ranker/train-alone.mjs --out FOLDER [--penalty 0.0005] [--steps 300]
 *
 * HELD_OUT holds, as READY does, the repositories that neither lane's vectors were trained on (those that models/instant-v2
 * holds out), so that what is learned of the lanes is true of code they have not seen. Features of labelled sets in the
 * same FOLDER are reported on, never learned from. Nothing is written: what is learned here has gained on the held-out
 * repositories and is behind those set by hand on questions from outside (docs/ranking.md), which are in use.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { grouped } from '../../test/quality/eval/score.mjs';
import { partOf, readSet, signalNamesOf } from './feature-sets.mjs';
import { learn } from './learn.mjs';
import { report, scale } from './report.mjs';
import { foldOf, folds, root } from './sources.mjs';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    penalty: { type: 'string', default: '0.0005' },
    steps: { type: 'string', default: '300' },
  },
});
if (!values.out || !existsSync(join(values.out, 'features', 'training'))) {
  console.error('usage: node models/ranker/train-alone.mjs --out FOLDER (as features.mjs --deep left it)');
  process.exit(2);
}
const retrieval = join(root, 'server', 'src', 'retrieval');
const [hand, shipped] = ['hand', 'learned'].map((name) =>
  JSON.parse(readFileSync(join(retrieval, `weights-${name}.json`), 'utf8')),
);
const names = signalNamesOf(values.out, 'training');

/**
 * What the questions can tell of: likeness in words and vectors, and length. Their files have names that say nothing and
 * hold one function each, without documentation or without a name; all else keeps the weights set by hand.
 */
const learnable =
  /^(?:chunk|body|symbol|doc|covered|instant|instantRank|deep|deepRank|symbolPrecision|symbolCovered|signatureCovered|chunkLength)$/;
const isLikeness = (name) => name !== 'chunkLength';

const isAlone = (question) => partOf(question) === 'alone';
const vectorOf = (weights) => names.map((name) => (weights[name] ?? 0) * scale);

/** As the product sees it where every candidate has a deep vector, and where none has. */
function withSignals(question, change) {
  const signals = question.signals.map((value, at) => value * change(names[at % names.length]));
  return { ...question, signals };
}
const beside = (question) =>
  withSignals(question, (name) => (name.startsWith('instant') ? shipped.instantBesideDeep : 1));
const without = (question) => withSignals(question, (name) => (name.startsWith('deep') ? 0 : 1));

/** Every kind of question counts the same, and every folder within it; with the deep lane as much as without. */
function learned(questions) {
  const found = questions.filter(({ answer }) => answer.some((value) => value > 0));
  const keyOf = ({ source, repo }) => `${source} ${repo}`;
  const sizes = new Map([...grouped(found, keyOf)].map(([key, list]) => [key, list.length]));
  const counted = found.map((question) => ({ ...question, weight: 1000 / sizes.get(keyOf(question)) }));
  return learn([...counted.map(beside), ...counted.map(without)], {
    prior: vectorOf(hand.alone),
    frozen: names.map((name) => !learnable.test(name)),
    // More likeness never counts against a chunk.
    least: names.map((name) => (isLikeness(name) ? 0 : -Infinity)),
    penalty: Number(values.penalty),
    steps: Number(values.steps),
  });
}

const training = readSet(values.out, 'training', names).filter(isAlone);
const others = readdirSync(join(values.out, 'features'))
  .filter((set) => set !== 'training')
  .flatMap((set) => readSet(values.out, set, names))
  .filter(isAlone);
const everything = [...training, ...others];
function told(title, questions, weightsFor) {
  report(title, questions.map(beside), weightsFor, () => 0);
  report('  without the deep lane', questions.map(without), weightsFor, () => 0);
}

const likeRepositories = (question) => vectorOf(shipped[question.kind === 'description' ? 'description' : 'words']);
told('as in repositories', everything, likeRepositories);
told('set by hand', everything, () => vectorOf(hand.alone));
const byFold = Array.from({ length: folds }, (_, fold) =>
  learned(training.filter(({ repo }) => foldOf(repo) !== fold)),
);
told('learned, kept apart', training, ({ repo }) => byFold[foldOf(repo)]);
const final = learned(training);
told('learned', everything, () => final);

const figures = names
  .map((name, at) => [name, Number((final[at] / scale).toFixed(3))])
  .filter(([, weight]) => weight !== 0);
console.log(figures.map(([name, weight]) => `${name} ${weight}`).join(', '));
