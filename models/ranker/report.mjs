/** What weights are worth on questions, told a line a set of weights. */
import { grouped, mean } from '../../test/quality/eval/score.mjs';
import { ndcg } from './learn.mjs';

/** Weights are for sums around 1; the loss wants them larger to be sure of an order. */
export const scale = 5;

const nameOf = ({ set, source }) => (set === 'training' ? `training ${source}` : set);
const isByGroup = (name) => name === 'repo-questions' || name.startsWith('training');

/**
 * Prints NDCG@10 of every set, in the mean over its languages where it has some, else over its questions.
 *
 * @param {(question: object) => ArrayLike<number>} weightsFor scaled
 * @param {(question: object) => number} repeatedFor not scaled
 * @returns the questions, each with its `ndcg`
 */
export function report(title, questions, weightsFor, repeatedFor) {
  const scored = questions.map((question) => ({
    ...question,
    ndcg: ndcg(question, weightsFor(question), repeatedFor(question) * scale),
  }));
  const cells = [...grouped(scored, nameOf)].map(([name, rows]) => {
    const groups = [...grouped(rows, ({ group }) => group).values()].map((of) => mean(of.map((row) => row.ndcg)));
    return `${name} ${(isByGroup(name) ? mean(groups) : mean(rows.map((row) => row.ndcg))).toFixed(4)}`;
  });
  console.log(`${title.padEnd(34)} ${cells.join('  ')}`);
  return scored;
}
