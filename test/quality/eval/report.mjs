/** What an evaluation prints and writes. */
import { grouped, mean, percentile } from './score.mjs';

const measures = ['ndcg', 'recall', 'mrr'];

function summary({ set, mode, groupBy, indexed, rows }) {
  const groups = Object.fromEntries(
    [...grouped(rows, ({ group }) => group)].map(([group, of]) => [
      group,
      { questions: of.length, ...Object.fromEntries(measures.map((name) => [name, mean(of.map((row) => row[name]))])) },
    ]),
  );
  const over = groupBy === 'query' ? rows : Object.values(groups);
  const times = rows.map(({ milliseconds }) => milliseconds);
  return {
    set,
    mode,
    questions: rows.length,
    chunks: indexed.chunks,
    ...Object.fromEntries(measures.map((name) => [name, mean(over.map((of) => of[name]))])),
    averagedOver: groupBy,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    groups,
  };
}

export const tableOf = (results) => results.map(summary);

function print(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const [head, ...body] = rows;
  console.log([line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n'));
}

export function printTable(name, results) {
  const summaries = tableOf(results);
  const { questions, chunks, averagedOver } = summaries[0];
  const macro = averagedOver === 'query' ? '' : `, mean over each ${averagedOver}`;
  console.log(`\n**${name}**: ${questions} questions, ${chunks} chunks${macro}\n`);
  print([
    ['Searched with', 'NDCG@10', 'Recall@10', 'MRR@10', 'p50 ms', 'p99 ms'],
    ...summaries.map(({ mode, ndcg, recall, mrr, p50, p99 }) => [
      mode,
      ...[ndcg, recall, mrr].map((value) => value.toFixed(4)),
      ...[p50, p99].map((value) => value.toFixed(1)),
    ]),
  ]);
}

/** NDCG@10 by group, a column per way of searching. */
export function printGroups(results) {
  const summaries = tableOf(results);
  console.log('');
  print([
    ['', 'Questions', ...summaries.map(({ mode }) => mode)],
    ...Object.entries(summaries[0].groups).map(([group, { questions }]) => [
      group,
      String(questions),
      ...summaries.map(({ groups }) => groups[group].ndcg.toFixed(3)),
    ]),
  ]);
}

export function printComparison(compared) {
  console.log('\nAgainst the baseline, NDCG@10:');
  for (const { set, questions, change, low, high, worse } of compared) {
    const verdict = questions === 0 ? 'NOT IN THE BASELINE' : worse ? 'WORSE' : 'holds';
    const [mid, from, to] = [change, low, high].map((value) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`);
    console.log(`  ${verdict.padEnd(8)} ${set}: ${mid} (95% ${from} … ${to}) over ${questions} questions`);
  }
}
