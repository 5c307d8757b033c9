import { mkdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../protocol/errors.ts';
import { contenderOfPeer, needsOwnProcess, peerNames } from './contenders/index.ts';
import { installPeers } from './contenders/peers.ts';
import { openData, prepareData, type DataName } from './data/catalog.ts';
import { log } from './log.ts';
import { thisMachine } from './machine.ts';
import type { EngineOptions } from './options.ts';
import { benchFolder } from './places.ts';
import { runApart } from './processes.ts';
import { plot } from './report/plot.ts';
import type { DataReport, EngineReport, Report } from './report/report.ts';
import { tables } from './report/tables.ts';
import type { BuildResult, LoadResult } from './tasks.ts';
import { truthOf } from './truth.ts';

/** @returns the exit code: 1 when an engine could not be measured */
export async function benchEngine(options: EngineOptions): Promise<number> {
  const peers = new Set(peerNames.map(contenderOfPeer));
  if (options.contenders.some((name) => peers.has(name))) installPeers();
  const report: Report = { version: 1, date: new Date().toISOString(), machine: thisMachine(), k: options.k, data: [] };
  for (const name of options.data) {
    await prepareData(name);
    report.data.push(await benchData(name, options));
    // What is measured is kept, whatever happens to the next.
    if (options.json !== undefined) write(options.json, `${JSON.stringify(report, rounded, 1)}\n`);
    if (options.svg !== undefined) write(options.svg, plot(report));
  }
  process.stdout.write(`${tables(report)}\n`);
  return report.data.some(({ engines }) => engines.some(({ failure }) => failure !== undefined)) ? 1 : 0;
}

async function benchData(name: DataName, options: EngineOptions): Promise<DataReport> {
  const dataset = openData(name);
  const { id, label, count, dimension } = dataset;
  log(`\n${label}: ${count} vectors`);
  await truthOf(dataset);
  const engines: EngineReport[] = [];
  for (const contender of options.contenders) {
    engines.push(await benchAlone(contender, name, join(benchFolder(), 'indexes', id, contender), options));
  }
  const ready = engines.filter(({ failure }) => failure === undefined);
  const together = ready.filter((engine) => !needsOwnProcess(engine.name));
  const groups = [together, ...ready.filter((engine) => needsOwnProcess(engine.name)).map((engine) => [engine])];
  for (const group of groups.filter(({ length }) => length > 0)) {
    log(`searching: ${group.map((engine) => engine.name).join(', ')}`);
    const { k, rounds } = options;
    const contenders = group.map((engine) => ({
      contender: engine.name,
      folder: join(benchFolder(), 'indexes', id, engine.name),
    }));
    const found = await runApart({ kind: 'sweep', data: name, k, rounds, contenders });
    for (const engine of group) engine.points = found[engine.name] ?? [];
  }
  return { id, label, count, dimension, queries: dataset.queries.length / dimension, engines };
}

/** Building and loading, each in a process of its own. What fails is reported, and the others are measured. */
async function benchAlone(
  contender: string,
  data: DataName,
  folder: string,
  options: EngineOptions,
): Promise<EngineReport> {
  try {
    log(`building ${contender}`);
    const build = await buildOrReuse(contender, data, folder, options.reuse);
    const load = (cold: boolean): Promise<LoadResult> =>
      runApart({ kind: 'load', contender, data, folder, k: options.k, cold });
    const warm: LoadResult[] = [];
    while (warm.length < options.loads) warm.push(await load(false));
    const cold = options.cold ? await load(true) : undefined;
    return { name: contender, build, warm, ...(cold === undefined ? {} : { cold }), points: [] };
  } catch (error) {
    log(`${contender} could not be measured: ${messageOf(error)}`);
    return { name: contender, warm: [], points: [], failure: messageOf(error) };
  }
}

async function buildOrReuse(contender: string, data: DataName, folder: string, reuse: boolean): Promise<BuildResult> {
  const record = `${folder}.json`;
  if (reuse && existsSync(record)) return JSON.parse(readFileSync(record, 'utf8')) as BuildResult;
  const built = await runApart({ kind: 'build', contender, data, folder });
  writeFileSync(record, JSON.stringify(built));
  return built;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Five digits are more than a measurement has. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}
