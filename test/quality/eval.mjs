/**
 * `npm run eval -- --eval FOLDER`: indexes the labelled sets through the built product, asks their questions with each
 * lane and stage, and prints NDCG@10, recall@10, MRR@10 and the latency the server reports.
 *
 *   node test/quality/eval.mjs [--eval FOLDER] [--quick] [--sets SET,…] [--only FOLDER,…] [--modes MODE,…] [--deep | --on-demand]
 *     [--rerank] [--via cli] [--by-group] [--json FILE] [--hits FOLDER] [--work FOLDER] [--gate | --write-baseline]
 *
 * FOLDER holds the sets and `tools/` (docs/testing.md). --quick takes two small repositories, and the shop of the
 * fixtures alone where FOLDER is absent. --gate fails when the shipped way of searching is worse than
 * `baseline.json` by more than chance. --work keeps the unpacked trees and the indexes for the next run.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compare, writeBaseline } from './eval/gate.mjs';
import { deepModes, modes, onDemandModes, rerankModes, shipped } from './eval/modes.mjs';
import { commandLine, languageClient, tiercel } from './eval/product.mjs';
import { printComparison, printGroups, printTable, tableOf } from './eval/report.mjs';
import { questionsAboutFiles, sets } from './eval/sets.mjs';
import { scoreOf } from './eval/score.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const baselineFile = join(here, 'baseline.json');
/** More than ten: several hits may be parts of one function. */
const limit = 25;
const quick = { 'repo-questions': ['guzzle', 'zig-clap'], 'doc-to-function': ['go-chi/chi'] };

const { values } = parseArgs({
  options: {
    eval: { type: 'string' },
    quick: { type: 'boolean', default: false },
    sets: { type: 'string' },
    only: { type: 'string' },
    modes: { type: 'string' },
    deep: { type: 'boolean', default: false },
    'on-demand': { type: 'boolean', default: false },
    rerank: { type: 'boolean', default: false },
    via: { type: 'string', default: 'lsp' },
    'by-group': { type: 'boolean', default: false },
    json: { type: 'string' },
    hits: { type: 'string' },
    work: { type: 'string' },
    gate: { type: 'boolean', default: false },
    'write-baseline': { type: 'boolean', default: false },
  },
});

function fail(message) {
  console.error(message);
  process.exit(2);
}

if (values.eval !== undefined && !existsSync(join(values.eval, 'tools', 'unpack.js'))) {
  fail(`${values.eval} holds no evaluation sets (no tools/unpack.js): see docs/testing.md.`);
}
if (values.eval === undefined && !values.quick) {
  fail('usage: npm run eval -- --eval FOLDER [--quick] [--sets SET,…] (see test/quality/eval.mjs)');
}
const known = { ...modes, ...deepModes, ...onDemandModes, ...rerankModes };
const wantedModes =
  values.modes?.split(',') ??
  (values.quick
    ? [shipped]
    : [
        ...Object.keys(modes),
        ...(values.deep ? Object.keys(deepModes) : []),
        ...(values['on-demand'] ? Object.keys(onDemandModes) : []),
        ...(values.rerank ? Object.keys(rerankModes) : []),
      ]);
const wantedSets = values.sets?.split(',') ?? (values.quick ? Object.keys(quick) : Object.keys(sets));
if (wantedModes.some((mode) => mode in deepModes) && wantedModes.some((mode) => mode in onDemandModes)) {
  fail('A filled deep lane and one on demand are two runs: each with --work of its own.');
}
for (const mode of wantedModes)
  if (!(mode in known)) fail(`There is no mode "${mode}": ${Object.keys(known).join(', ')}.`);
for (const set of wantedSets) if (!(set in sets)) fail(`There is no set "${set}": ${Object.keys(sets).join(', ')}.`);

const work = values.work ?? mkdtempSync(join(tmpdir(), 'tiercel-eval-'));
mkdirSync(work, { recursive: true });
const home = join(work, 'home');

const shop = () => questionsAboutFiles('shop', join(here, 'shop'), () => join(here, '..', 'fixtures', 'shop'));

function chosenSets() {
  if (values.eval === undefined) {
    console.log('The evaluation sets are not here: only the shop of the fixtures is asked.');
    return [shop()];
  }
  const chosen = wantedSets.map((name) => sets[name](values.eval, work));
  for (const set of chosen) {
    const only = values.only?.split(',') ?? (values.quick ? quick[set.name] : undefined);
    if (only !== undefined) set.folders = set.folders.filter(({ name }) => only.includes(name));
  }
  return values.quick ? [shop(), ...chosen] : chosen;
}

async function ask(client, folder, mode) {
  const params = { limit, ...known[mode] };
  if (values.via === 'cli') {
    if (folder.questions.some(({ languages }) => languages !== undefined)) {
      throw new Error(
        'Code of several lines and filters of single questions go through the language server: leave --via out.',
      );
    }
    return commandLine(
      home,
      folder.path,
      params,
      folder.questions.map(({ text }) => text),
    );
  }
  const answers = [];
  for (const { text, languages } of folder.questions) {
    const narrowed = languages === undefined ? {} : { languages };
    answers.push(await client.search({ folder: folder.path, query: text, patienceMs: 30_000, ...params, ...narrowed }));
  }
  return answers;
}

/** One row per question: `{ id, group, ndcg, recall, mrr, milliseconds, hits }`. */
async function rowsOf(client, folder, mode) {
  const answers = await ask(client, folder, mode);
  return folder.questions.map(({ id, text, group, gainsOf, grades }, at) => {
    const { hits, timings } = answers[at];
    return {
      id,
      text,
      group,
      folder: folder.name,
      ...scoreOf(gainsOf(hits), grades),
      milliseconds: timings.total,
      hits,
    };
  });
}

async function evaluate(client, set) {
  const rows = new Map(wantedModes.map((mode) => [mode, []]));
  const indexed = { chunks: 0, seconds: 0 };
  for (const folder of set.folders) {
    const flags = wantedModes.some((mode) => mode in deepModes) ? ['--deep'] : [];
    const { chunks, milliseconds } = JSON.parse(await tiercel(home, ['index', folder.path, '--json', ...flags]));
    indexed.chunks += chunks;
    indexed.seconds += milliseconds / 1000;
    for (const mode of wantedModes) rows.get(mode).push(...(await rowsOf(client, folder, mode)));
  }
  return wantedModes.map((mode) => ({ set: set.name, mode, groupBy: set.groupBy, indexed, rows: rows.get(mode) }));
}

function writeHits(results) {
  mkdirSync(values.hits, { recursive: true });
  for (const { set, mode, rows } of results) {
    const lines = rows.map(({ id, text, ndcg, folder, hits }) => {
      const places = hits.map(({ path, startLine, endLine, symbol }) => ({
        path,
        start: startLine,
        end: endLine,
        symbol,
      }));
      return `${JSON.stringify({ id, text, ndcg, folder, hits: places })}\n`;
    });
    writeFileSync(join(values.hits, `${set}.${mode.replaceAll(/\W+/g, '-')}.jsonl`), lines.join(''));
  }
}

/** @returns whether the gate holds */
async function held(results) {
  const gated = results.filter(({ mode }) => mode === shipped);
  if (values['write-baseline']) await writeBaseline(baselineFile, gated);
  if (!values.gate) return true;
  const compared = compare(baselineFile, gated);
  printComparison(compared);
  return compared.every(({ worse }) => !worse);
}

let client;
try {
  client = await languageClient(home);
  const results = [];
  for (const set of chosenSets()) {
    const of = await evaluate(client, set);
    printTable(set.name, of);
    if (values['by-group']) printGroups(of);
    results.push(...of);
  }
  if (values.hits !== undefined) writeHits(results);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(tableOf(results), null, 2)}\n`);
  process.exitCode = (await held(results)) ? 0 : 1;
} finally {
  await client?.close();
  await tiercel(home, ['stop']).catch((error) => console.error(error.message));
  if (values.work === undefined) rmSync(work, { recursive: true, force: true });
}
