/**
 * Step 3: weights from the features, with what they are worth on repositories they have not seen.
 *
 *   node models/ranker/train.mjs --out FOLDER [--penalty 0.002] [--steps 100] [--dev 1] [--write]
 *
 * FOLDER is that of prepare.mjs and features.mjs. Prints NDCG@10 of the weights set by hand, of those learned from the
 * training repositories, and of those learned from these and the labelled questions together; always on repositories
 * kept apart (five folds by repository). --dev is what all labelled questions together count against all of the training
 * repositories; 0 leaves them out. --write puts the weights learned from everything into
 * server/src/retrieval/weights-learned.json.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { grouped, mean } from '../../test/quality/eval/score.mjs';
import { learn, ndcg } from './learn.mjs';
import { report as reportOf, scale } from './report.mjs';
import { partOf, readSet, signalNamesOf } from './feature-sets.mjs';
import { foldOf, folds, root } from './sources.mjs';
import { weighted } from './worth.mjs';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    penalty: { type: 'string', default: '0.002' },
    steps: { type: 'string', default: '100' },
    dev: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});
if (!values.out || !existsSync(join(values.out, 'features'))) {
  console.error('usage: node models/ranker/train.mjs --out FOLDER_WITH_features');
  process.exit(2);
}
const retrieval = join(root, 'server', 'src', 'retrieval');
const hand = JSON.parse(readFileSync(join(retrieval, 'weights-hand.json'), 'utf8'));
const before = JSON.parse(readFileSync(join(retrieval, 'weights-learned.json'), 'utf8'));
const names = signalNamesOf(values.out, 'training');

/**
 * Signals that no training question has, or that the way the questions were made speaks against: an answer's documentation
 * is blanked out, and documented types are not asked for. They keep the weights set by hand.
 */
const frozen = /^deep|^near$|^recent$|^language$|^doc$|^type$/;
/**
 * Signals of what a chunk has in common with the query. Having more in common never counts against a chunk: where the
 * learned weight would be negative, others that say nearly the same are too large.
 */
const evidence =
  /^(?:chunk|fileBest|file|body|symbol|covered|fileCovered|nameCovered|namePrecision|folderCovered|instant.*|defines.*|symbolPrecision|symbolCovered|ownerPrecision|signatureCovered)$/;
/**
 * The vectors of the instant lane were trained on these very repositories and know them better than any other: what they
 * count is learned from the labelled questions alone, and training questions come without them.
 */
const knownByHeart = /^instant/;
const questionsOf = (set) => readSet(values.out, set, names, (name) => set === 'training' && knownByHeart.test(name));

/** Rows a question is learned from: the best by hand, and all answers; they come in that order. */
const mostRows = 50;

function shortened(question) {
  const columns = names.length;
  const kept = [];
  for (let row = 0; row < question.rows; row++) if (row < mostRows || question.answer[row] > 0) kept.push(row);
  if (kept.length === question.rows) return question;
  const signals = new Float32Array(kept.length * columns);
  kept.forEach((row, at) => signals.set(question.signals.subarray(row * columns, (row + 1) * columns), at * columns));
  const pick = (list) => Float32Array.from(kept, (row) => list[row]);
  return { ...question, rows: kept.length, signals, answer: pick(question.answer), file: pick(question.file) };
}

const priorOf = (part) => names.map((name) => hand[part][name] ?? 0);

function learned(training, dev, part) {
  const questions = weighted([...training, ...dev], Number(values.dev)).filter((question) => partOf(question) === part);
  const prior = priorOf(part).map((weight) => weight * scale);
  return learn(questions, {
    prior,
    frozen: names.map((name) => frozen.test(name)),
    least: names.map((name) => (evidence.test(name) ? 0 : -Infinity)),
    penalty: Number(values.penalty),
    steps: Number(values.steps),
  });
}

const report = (title, questions, weightsFor) =>
  reportOf(title, questions, weightsFor, (question) => hand.repeated[partOf(question)] ?? 0);

const training = questionsOf('training').map(shortened);
const dev = questionsOf('repo-questions');
const others = ['doc-to-function', 'web-queries', 'cross-language-nl'].flatMap((set) => questionsOf(set));
const everything = [...training, ...dev, ...others];
const parts = ['words', 'description', 'symbol'];
const handFor = (question) => priorOf(partOf(question)).map((weight) => weight * scale);
report('by hand', everything, handFor);

function crossValidated(title, withDev) {
  const byFold = Array.from({ length: folds }, (_, fold) => {
    const inside = (question) => foldOf(question.repo) !== fold;
    const seen = training.filter(inside);
    const seenDev = withDev ? dev.filter(inside) : [];
    return Object.fromEntries(parts.map((part) => [part, learned(seen, seenDev, part)]));
  });
  report(title, everything, (question) => byFold[foldOf(question.repo)][partOf(question)] ?? handFor(question));
}
crossValidated('training, kept apart', false);
if (Number(values.dev) > 0) crossValidated('training + labelled, kept apart', true);

const final = Object.fromEntries(
  parts.map((part) => [part, learned(training, Number(values.dev) > 0 ? dev : [], part)]),
);
report('from everything, fitted', everything, (question) => final[partOf(question)] ?? handFor(question));

/** What a file's first chunk takes from its next: the best of a few by the training questions and labelled ones, part by part. */
function bestRepeated(part) {
  // A description asks for a function: what its file's header says is no measure of how functions are spread.
  const counts = ({ source }) => part !== 'description' || source === 'doc';
  const of = [...training, ...dev].filter((question) => partOf(question) === part && counts(question));
  const sources = (value) => {
    const scores = of.map((question) => ({
      ...question,
      ndcg: ndcg(question, final[partOf(question)], value * scale),
    }));
    return mean([...grouped(scores, ({ source }) => source).values()].map((rows) => mean(rows.map((row) => row.ndcg))));
  };
  const tried = [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8].map((value) => ({ value, ndcg: sources(value) }));
  console.log(part, tried.map(({ value, ndcg: score }) => `${value}: ${score.toFixed(4)}`).join('  '));
  return tried.reduce((best, one) => (one.ndcg > best.ndcg ? one : best)).value;
}

/** Signals that are not in the features keep their weights. */
function readable(part) {
  const entries = names.map((name, at) => [name, Number((final[part][at] / scale).toFixed(3))]);
  const unseen = Object.entries(hand[part]).filter(([name]) => !names.includes(name));
  return Object.fromEntries([...entries.filter(([, weight]) => weight !== 0), ...unseen]);
}
const result = {
  ...Object.fromEntries(parts.map((part) => [part, readable(part)])),
  code: hand.code,
  // Set by hand: train-alone.mjs says what learned ones are worth.
  alone: hand.alone,
  // Learned apart: deep.mjs.
  instantBesideDeep: before.instantBesideDeep,
  repeated: {
    ...Object.fromEntries(parts.map((part) => [part, bestRepeated(part)])),
    code: 0,
  },
};
if (values.write) writeFileSync(join(retrieval, 'weights-learned.json'), `${JSON.stringify(result, null, 2)}\n`);
