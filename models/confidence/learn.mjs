/**
 * Step 2: fits the weights of server/src/retrieval/confidence.json on training.jsonl, and measures them on the rest.
 *
 *   node models/confidence/learn.mjs --out FOLDER [--kinds words,symbol,wordsDeep] [--write]
 *
 * Logistic regression with L2 on standardised features, answers found (1) against foreign questions (0). Figures on the
 * training repositories are cross-validated: every repository is judged by a model that did not see it. The cut is where
 * 5 of 100 right answers of the training repositories are lost; nothing is chosen on the labelled sets.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../ranker/sources.mjs';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    kinds: { type: 'string', default: 'words,symbol,wordsDeep' },
    write: { type: 'boolean', default: false },
  },
});
if (!values.out) {
  console.error('usage: node models/confidence/learn.mjs --out FOLDER [--kinds words,symbol,wordsDeep] [--write]');
  process.exit(2);
}
const folds = 5;
const ridge = 1;
const lost = 0.05;

function read(name) {
  const file = join(values.out, `${name}.jsonl`);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** The model a row is for, as modelFor of server/src/retrieval/confidence.ts says. */
function classOf({ kind, deep }) {
  if (kind === 'code' || kind === 'path') return undefined;
  if (kind === 'symbol') return deep ? undefined : 'symbol';
  return deep ? 'wordsDeep' : 'words';
}
const training = read('training');
const file = join(root, 'server/src/retrieval/confidence.json');
const before = JSON.parse(readFileSync(file, 'utf8'));

/** Newton's method; `rows` are `{ features, label }` with labels 0 and 1. Gives weights for features as they are. */
function fit(rows, names) {
  const scale = names.map((name) => {
    const column = rows.map(({ features }) => features[name]);
    const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
    const deviation = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length);
    return { mean, deviation: deviation || 1 };
  });
  const matrix = rows.map(({ features }) => [
    1,
    ...names.map((name, at) => (features[name] - scale[at].mean) / scale[at].deviation),
  ]);
  const width = names.length + 1;
  let weights = new Array(width).fill(0);
  for (let step = 0; step < 25; step++) {
    const gradient = weights.map((weight, at) => (at === 0 ? 0 : -ridge * weight));
    const hessian = weights.map((_, at) => weights.map((__, other) => (at === other && at > 0 ? ridge : 1e-9)));
    matrix.forEach((row, number) => {
      const p = 1 / (1 + Math.exp(-row.reduce((sum, value, at) => sum + value * weights[at], 0)));
      for (let at = 0; at < width; at++) {
        gradient[at] += row[at] * (rows[number].label - p);
        for (let other = 0; other < width; other++) hessian[at][other] += row[at] * row[other] * p * (1 - p);
      }
    });
    const change = solved(hessian, gradient);
    weights = weights.map((weight, at) => weight + change[at]);
    if (Math.max(...change.map(Math.abs)) < 1e-7) break;
  }
  const plain = names.map((_, at) => weights[at + 1] / scale[at].deviation);
  return {
    bias: weights[0] - plain.reduce((sum, weight, at) => sum + weight * scale[at].mean, 0),
    weights: Object.fromEntries(names.map((name, at) => [name, plain[at]])),
  };
}

/** Gauss-Jordan with pivots. */
function solved(matrix, right) {
  const rows = matrix.map((row, at) => [...row, right[at]]);
  for (let at = 0; at < rows.length; at++) {
    const pivot = rows
      .slice(at)
      .reduce((best, row, n) => (Math.abs(row[at]) > Math.abs(rows[best][at]) ? at + n : best), at);
    [rows[at], rows[pivot]] = [rows[pivot], rows[at]];
    for (let other = 0; other < rows.length; other++) {
      if (other === at) continue;
      const share = rows[other][at] / rows[at][at];
      for (let n = at; n <= rows.length; n++) rows[other][n] -= share * rows[at][n];
    }
  }
  return rows.map((row, at) => row[rows.length] / row[at]);
}

const confidence = ({ bias, weights }, { features }) =>
  1 / (1 + Math.exp(-Object.entries(weights).reduce((sum, [name, weight]) => sum + weight * features[name], bias)));

/** Area under the receiver's operating curve: how often a right one scores above a wrong one. */
function auc(scored) {
  const sorted = scored.toSorted((a, b) => a.p - b.p);
  const right = sorted.filter(({ label }) => label === 1).length;
  let ranks = 0;
  for (let from = 0; from < sorted.length;) {
    let to = from;
    while (to < sorted.length && sorted[to].p === sorted[from].p) to++;
    for (let at = from; at < to; at++) if (sorted[at].label === 1) ranks += (from + to + 1) / 2;
    from = to;
  }
  return (ranks - (right * (right + 1)) / 2) / (right * (sorted.length - right));
}

function report(title, scored, cut) {
  const share = (rows, test) => (rows.length === 0 ? 'none' : (rows.filter(test).length / rows.length).toFixed(3));
  const right = scored.filter(({ label }) => label === 1);
  const wrong = scored.filter(({ label }) => label === 0);
  const missed = scored.filter(({ label }) => label === -1);
  const above = scored.filter(({ p, label }) => p >= cut && label >= 0);
  console.log(
    `${title.padEnd(34)} right ${right.length} wrong ${wrong.length}  AUC ${auc([...right, ...wrong]).toFixed(3)}  ` +
      `at the cut: right kept ${share(right, ({ p }) => p >= cut)}, wrong refused ${share(wrong, ({ p }) => p < cut)}, ` +
      `precision ${share(above, ({ label }) => label === 1)}, own but not found refused ${share(missed, ({ p }) => p < cut)}`,
  );
}

function calibration(scored) {
  const bins = Array.from({ length: 5 }, (_, at) =>
    scored.filter(({ p, label }) => label >= 0 && Math.min(4, Math.floor(p * 5)) === at),
  );
  const text = bins.map((bin, at) => {
    const right = bin.filter(({ label }) => label === 1).length;
    return `${(at / 5).toFixed(1)}-${((at + 1) / 5).toFixed(1)}: ${bin.length === 0 ? '-' : (right / bin.length).toFixed(2)} of ${bin.length}`;
  });
  console.log(`  share right by confidence  ${text.join('  ')}`);
}

const result = { ...before };
for (const kind of values.kinds.split(',')) {
  const rows = training.filter((row) => classOf(row) === kind);
  const names = Object.keys(rows[0].features).filter((name) => kind === 'wordsDeep' || !name.startsWith('deep'));
  const repositories = [...new Set(rows.map(({ repository }) => repository))];
  const foldOf = new Map(repositories.map((name, at) => [name, at % folds]));
  const scored = [];
  for (let fold = 0; fold < folds; fold++) {
    const learnable = rows.filter(({ repository, label }) => foldOf.get(repository) !== fold && label >= 0);
    const model = fit(learnable, names);
    for (const row of rows) if (foldOf.get(row.repository) === fold) scored.push({ ...row, p: confidence(model, row) });
  }
  const right = scored
    .filter(({ label }) => label === 1)
    .map(({ p }) => p)
    .sort((a, b) => a - b);
  const cut = right[Math.floor(right.length * lost)];
  const learned = fit(
    rows.filter(({ label }) => label >= 0),
    names,
  );
  const rounded = (value) => Number(value.toFixed(3));
  result[kind] = {
    bias: rounded(learned.bias),
    cut: rounded(cut),
    weights: Object.fromEntries(names.map((name) => [name, rounded(learned.weights[name])])),
  };
  report(`training, cross-validated: ${kind}`, scored, cut);
  calibration(scored);
  const told = { learned: result[kind], before: before[kind] ?? before[kind.replace('Deep', '')] };
  for (const [title, model] of Object.entries(told)) {
    for (const set of ['repo-questions', 'web-queries', 'labelled-pairs']) {
      const measured = read(set)
        .filter((row) => classOf(row) === kind)
        .map((row) => ({ ...row, p: row.features === undefined ? 0 : confidence(model, row) }));
      if (!measured.some(({ label }) => label === 1) || !measured.some(({ label }) => label === 0)) continue;
      report(`${set}: ${kind}, ${title}`, measured, model.cut);
      calibration(measured);
    }
  }
}
console.log(JSON.stringify(result, null, 2));
if (values.write) writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
