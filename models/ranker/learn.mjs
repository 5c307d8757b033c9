/**
 * A linear ranker by gradient descent (Adam: Kingma & Ba, ICLR 2015) on a listwise loss: the negative logarithm of the share
 * that the answers have in the softmax of all candidates (ListNet's top-one probability: Cao et al., ICML 2007), plus a
 * penalty on the squares of the weights' distance from a prior.
 */

const cutoff = 10;

/**
 * @typedef {object} Question
 * @property {Float32Array} signals rows x columns
 * @property {number} rows
 * @property {Float32Array} answer by row: number of the answer from 1 on, 0 for none
 * @property {Float32Array} file by row: number of its file
 * @property {number} answers how many there are, found or not
 * @property {boolean} byFile whether files are ranked, each by its best row
 * @property {number} weight
 */

/** Rows that compete: all, or the best one of each file. */
function competing(question, scores, best) {
  if (!question.byFile) return undefined;
  best.fill(-1);
  for (let row = 0; row < question.rows; row++) {
    const file = question.file[row];
    if (best[file] < 0 || scores[row] > scores[best[file]]) best[file] = row;
  }
  return best;
}

export function scoresOf(question, weights, scores) {
  const columns = weights.length;
  for (let row = 0, at = 0; row < question.rows; row++) {
    let sum = 0;
    for (let column = 0; column < columns; column++) sum += weights[column] * question.signals[at++];
    scores[row] = sum;
  }
}

function addGradient(question, weights, gradient, buffers) {
  const { scores, best } = buffers;
  const columns = weights.length;
  scoresOf(question, weights, scores);
  const rows = competing(question, scores, best);
  const counts = (row) => rows === undefined || rows[question.file[row]] === row;
  let most = -Infinity;
  for (let row = 0; row < question.rows; row++) if (counts(row) && scores[row] > most) most = scores[row];
  let all = 0;
  let good = 0;
  for (let row = 0; row < question.rows; row++) {
    if (!counts(row)) continue;
    const part = Math.exp(scores[row] - most);
    all += part;
    if (question.answer[row] > 0) good += part;
  }
  if (good === 0) return 0;
  for (let row = 0, at = 0; row < question.rows; row++, at += columns) {
    if (!counts(row)) continue;
    const part = Math.exp(scores[row] - most);
    const slope = question.weight * (part / all - (question.answer[row] > 0 ? part / good : 0));
    if (Math.abs(slope) < 1e-7) continue;
    for (let column = 0; column < columns; column++) gradient[column] += slope * question.signals[at + column];
  }
  return -question.weight * Math.log(good / all);
}

/**
 * @param {Question[]} questions
 * @param {{ prior: number[], frozen: boolean[], least: number[], penalty: number, steps: number, rate?: number }} options
 *   `least`: what each weight is at the least
 * @returns {Float64Array} weights
 */
export function learn(questions, { prior, frozen, least, penalty, steps, rate = 0.1 }) {
  const columns = prior.length;
  const weights = Float64Array.from(prior);
  const first = new Float64Array(columns);
  const second = new Float64Array(columns);
  const longest = Math.max(...questions.map(({ rows }) => rows));
  const buffers = { scores: new Float64Array(longest), best: new Int32Array(longest + 1) };
  const total = questions.reduce((sum, { weight }) => sum + weight, 0);
  for (let step = 1; step <= steps; step++) {
    const gradient = new Float64Array(columns);
    for (const question of questions) addGradient(question, weights, gradient, buffers);
    const now = rate * (1 - (step - 1) / steps);
    for (let column = 0; column < columns; column++) {
      if (frozen[column]) continue;
      const slope = gradient[column] / total + penalty * (weights[column] - prior[column]);
      first[column] = 0.9 * first[column] + 0.1 * slope;
      second[column] = 0.999 * second[column] + 0.001 * slope * slope;
      const step1 = first[column] / (1 - 0.9 ** step);
      const step2 = second[column] / (1 - 0.999 ** step);
      const next = weights[column] - (now * step1) / (Math.sqrt(step2) + 1e-8);
      weights[column] = Math.max(next, least[column]);
    }
  }
  return weights;
}

/** NDCG@10 of one question, its rows put in order and spread over files as the product does. */
export function ndcg(question, weights, repeated) {
  const scores = new Float64Array(question.rows);
  scoresOf(question, weights, scores);
  const order = Array.from({ length: question.rows }, (_, row) => row).sort((a, b) => scores[b] - scores[a]);
  const before = new Map();
  const spread = order.map((row) => {
    const times = before.get(question.file[row]) ?? 0;
    before.set(question.file[row], times + 1);
    return { row, score: scores[row] - repeated * (1 - 0.5 ** times) * 2 };
  });
  spread.sort((a, b) => b.score - a.score);
  const found = new Set();
  let sum = 0;
  spread.slice(0, cutoff).forEach(({ row }, at) => {
    const answer = question.answer[row];
    if (answer === 0 || found.has(answer)) return;
    found.add(answer);
    sum += 1 / Math.log2(at + 2);
  });
  let ideal = 0;
  for (let at = 0; at < Math.min(cutoff, question.answers); at++) ideal += 1 / Math.log2(at + 2);
  return sum / ideal;
}
