import { quantile } from '../measure.ts';
import type { DataReport, EngineReport, Report } from './report.ts';

const reached = [0.95, 0.985, 0.99, 0.995];

/** Tables for the terminal, in Markdown. */
export function tables(report: Report): string {
  const { machine, date, k } = report;
  const instructions = machine.instructions.join(' ');
  const head = `${date.slice(0, 10)}, ${machine.processor}, ${machine.cores} cores (${instructions}), ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`;
  return [head, ...report.data.map((data) => dataTables(data, k))].join('\n\n');
}

function dataTables(data: DataReport, k: number): string {
  const { label, count, queries, engines } = data;
  const title = `## ${label}: ${count.toLocaleString('en')} vectors, ${queries} queries, k = ${k}`;
  const failed = engines.flatMap(({ name, failure }) => (failure === undefined ? [] : `${name}: ${failure}`));
  return [title, costTable(data), ...failed, reachedTable(engines), pointTable(engines, k)].join('\n\n');
}

function costTable({ engines, count }: DataReport): string {
  const rows = engines
    .filter(({ failure }) => failure === undefined)
    .map(({ name, build, warm, cold }) => {
      const declared = warm[0]?.declaredBytes;
      const sum = declared === undefined ? undefined : Object.values(declared).reduce((a, b) => a + b, 0);
      const resident = quantile(
        warm.map(({ residentBytes }) => residentBytes),
        0.5,
      );
      const loads = warm.map(({ openMs, firstQueryMs }) => openMs + firstQueryMs);
      return [
        name,
        figure(build?.seconds),
        figure(build?.insertSeconds),
        figure(build?.peakBytes === undefined ? undefined : build.peakBytes / count),
        figure(resident / count),
        figure(sum === undefined ? undefined : sum / count),
        figure(build === undefined ? undefined : build.bytesOnDisk / count),
        figure(quantile(loads, 0.5)),
        figure(cold === undefined ? undefined : cold.openMs + cold.firstQueryMs),
      ];
    });
  return table(
    [
      'engine',
      'build s',
      'of it inserting',
      'RAM peak B/vector',
      'RAM B/vector (growth)',
      'RAM B/vector (declared)',
      'disk B/vector',
      'load warm ms',
      'load cold ms',
    ],
    rows,
  );
}

/** The fastest setting of each engine that finds so much. */
function reachedTable(engines: EngineReport[]): string {
  const rows = engines.map(({ name, points }) => [
    name,
    ...reached.map((recall) => {
      const times = points.filter((point) => point.recall >= recall).map(({ latency }) => latency.p50);
      return figure(times.length === 0 ? undefined : Math.min(...times));
    }),
  ]);
  return table(['p50 ms at recall of at least', ...reached.map(String)], rows);
}

function pointTable(engines: EngineReport[], k: number): string {
  const rows = engines.flatMap(({ name, points }) =>
    points.map(({ label, recall, latency, engineP50 }) => [
      name,
      label,
      recall.toFixed(4),
      figure(latency.p50),
      figure(latency.p90),
      figure(latency.p99),
      figure(engineP50),
    ]),
  );
  return table(['engine', 'setting', `recall@${k}`, 'p50 ms', 'p90 ms', 'p99 ms', 'p50 ms in the engine'], rows);
}

/** Three digits, however large. */
function figure(value: number | undefined): string {
  if (value === undefined) return '-';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** Numbers to the right, words to the left. */
function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const numeric = head.map((_, column) => rows.every((row) => /^[-\d.,]+$/.test(row[column] ?? '-')));
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => (numeric[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) => '-'.repeat(width - 1) + (numeric[column] === true ? ':' : '-'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
