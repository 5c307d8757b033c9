import { quantile } from '../measure.ts';
import type { DataReport, EngineReport, Report } from './report.ts';
import { figure, headline, table } from './table.ts';

const reached = [0.95, 0.985, 0.99, 0.995];

/** Tables for the terminal, in Markdown. */
export function tables(report: Report): string {
  const { machine, date, k } = report;
  return [headline(date, machine), ...report.data.map((data) => dataTables(data, k))].join('\n\n');
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
