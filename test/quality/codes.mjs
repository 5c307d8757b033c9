/**
 * What each code of the vector engine loses, in ranking quality, on labelled searches for code.
 *
 *   node test/quality/codes.mjs --eval FOLDER [--set SET[:LANE],…] [--minutes N] [--rotations N]
 *     [--work FOLDER] [--rank PROGRAM] [--json FILE]
 *
 * FOLDER holds `doc-to-function/`, `web-queries/` and `tools/` (see docs/testing.md). LANE is `instant` (static token
 * vectors, default) or `deep` (the transformer, for as many functions as N minutes give, default 8; `npm run build`
 * first). Every code ranks the same vectors (native/vectors/examples/rank.rs, built with cargo unless PROGRAM is given).
 * Prints per set: bytes per vector, recall@10 against exact f32, NDCG@10, MRR@10 and the change of NDCG@10 against exact
 * f32 with a 95% interval (bootstrap over queries, paired). What a code loses depends on the random rotation: all figures
 * of codes are means over N rotations (default 8), with the range of the change; the engine has its own rotation.
 * --work keeps the vectors, and goes on where it was.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const cutoff = 10;
const resamples = 10_000;
/** Texts of one call; small, so that a time limit is noticed. */
const batch = { instant: 4096, deep: 32 };

const { values } = parseArgs({
  options: {
    eval: { type: 'string' },
    set: { type: 'string', default: 'doc-to-function,web-queries' },
    minutes: { type: 'string', default: '8' },
    rotations: { type: 'string', default: '8' },
    work: { type: 'string' },
    rank: { type: 'string' },
    json: { type: 'string' },
  },
});
const tasks = values.set.split(',').map((task) => {
  const [set, lane = 'instant'] = task.split(':');
  return { set, lane };
});
if (
  values.eval === undefined ||
  tasks.some(({ set, lane }) => !existsSync(join(values.eval, set, 'corpus.jsonl.gz')) || !(lane in batch))
) {
  console.error('usage: node test/quality/codes.mjs --eval FOLDER [--set SET[:instant|:deep],…] (see the file)');
  process.exit(2);
}
const work = values.work ?? mkdtempSync(join(tmpdir(), 'tiercel-codes-'));

/** SplitMix32, by Guy Steele and others: numbers from 0 to 1 that are the same in every run. */
function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

const readJsonl = (bytes) =>
  bytes
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** A set: functions, queries and grades. Where functions have a repository, a query is about its own one. */
function readSet(name) {
  const folder = join(values.eval, name);
  const grades = new Map();
  const lines = readFileSync(join(folder, 'qrels.tsv'), 'utf8').trim().split('\n');
  for (const [query, row, grade] of lines.slice(1).map((line) => line.split('\t'))) {
    if (!grades.has(query)) grades.set(query, new Map());
    grades.get(query).set(row, Number(grade));
  }
  return {
    rows: readJsonl(gunzipSync(readFileSync(join(folder, 'corpus.jsonl.gz')))),
    queries: readJsonl(readFileSync(join(folder, 'queries.jsonl'))).filter(({ id }) => grades.has(id)),
    grades,
    qrels: join(folder, 'qrels.tsv'),
  };
}

/**
 * The order in which functions are embedded, of which a time limit takes the beginning: repositories from the smallest,
 * in each first the functions that answer a query, then the others by chance.
 */
function ordered({ rows, grades }) {
  const sizes = new Map();
  for (const { repo } of rows) sizes.set(repo, (sizes.get(repo) ?? 0) + 1);
  const answers = new Set([...grades.values()].flatMap((graded) => [...graded.keys()]));
  const random = seeded(1);
  const keyed = rows.map((row) => ({ row, late: answers.has(row.id) ? 0 : 1, chance: random() }));
  const byName = (a, b) => (a.repo ?? '').localeCompare(b.repo ?? '');
  keyed.sort(
    (a, b) =>
      sizes.get(a.row.repo) - sizes.get(b.row.repo) || byName(a.row, b.row) || a.late - b.late || a.chance - b.chance,
  );
  return keyed.map(({ row }) => row);
}

/** The product's own embedders, bundled from their sources. */
async function openEmbedder(lane) {
  const outfile = join(root, '.cache', 'codes', 'embedders.mjs');
  const inference = './server/src/inference';
  await build({
    stdin: {
      contents: `export { openInstantEmbedder } from '${inference}/instant.ts';
        export { openDeepEmbedder } from '${inference}/deep.ts';
        export { ModelCatalog } from '${inference}/models/catalog.ts';
        export { ownProcess } from './server/src/processes/command.ts';`,
      resolveDir: root,
    },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outfile,
    external: ['onnxruntime-node', '*.node'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
  process.env.TIERCEL_NATIVE ||= join(root, 'dist', 'native', 'tiercel.node');
  const { openInstantEmbedder, openDeepEmbedder, ModelCatalog, ownProcess } = await import(outfile);
  if (lane === 'instant') return openInstantEmbedder(join(root, 'models', 'instant-v2'));
  return openDeepEmbedder({
    model: await new ModelCatalog(join(root, 'models'), join(root, '.cache', 'models')).resolve('minilm-l6'),
    command: ownProcess('inference', join(root, 'dist', 'main.mjs')),
    mode: 'on',
  });
}

/** Writes the vectors of a set into `folder`; gives the functions and the queries that have one. */
async function embed(set, lane, folder) {
  mkdirSync(folder, { recursive: true });
  const base = join(folder, 'base.f32');
  const rows = ordered(set);
  const embedder = await openEmbedder(lane);
  try {
    const { dimension } = embedder.model;
    const end = performance.now() + Number(values.minutes) * 60_000;
    let done = existsSync(base) ? Math.floor(statSync(base).size / (4 * dimension)) : 0;
    while (done < rows.length && (lane === 'instant' || performance.now() < end)) {
      const texts = rows.slice(done, done + batch[lane]).map(({ text }) => text);
      appendFileSync(base, new Uint8Array((await embedder.embed(texts, 'passage')).buffer));
      done += texts.length;
    }
    const known = new Set(rows.slice(0, done).map(({ id }) => id));
    const queries = set.queries.filter(({ id }) => [...set.grades.get(id).keys()].every((row) => known.has(row)));
    const vectors = await embedder.embed(
      queries.map(({ text }) => text),
      'query',
    );
    writeFileSync(join(folder, 'queries.f32'), new Uint8Array(vectors.buffer));
    return { rows: rows.slice(0, done), queries, dimension };
  } finally {
    await embedder.close();
  }
}

/**
 * Ranks with every code: `{ name, scanned, stored, note, rankings }`, a ranking per rotation; `rankings[rotation][query]`
 * are the positions of the best rows, best first.
 */
function rank(folder, dimension, groups) {
  for (const [name, numbers] of Object.entries(groups)) {
    writeFileSync(join(folder, `${name}.groups.u32`), new Uint8Array(Uint32Array.from(numbers).buffer));
  }
  const args = [folder, String(dimension), values.rotations];
  const cargo = ['run', '--release', '--quiet', '-p', 'tiercel-vectors', '--example', 'rank', '--'];
  const { status } = values.rank
    ? spawnSync(values.rank, args, { stdio: 'inherit' })
    : spawnSync('cargo', [...cargo, ...args], { cwd: join(root, 'native'), stdio: 'inherit' });
  if (status !== 0) throw new Error('native/vectors/examples/rank.rs failed, see above.');
  const { depth, none, ways } = JSON.parse(readFileSync(join(folder, 'ranks.json'), 'utf8'));
  const bytes = readFileSync(join(folder, 'ranks.u32'));
  const numbers = new Uint32Array(Uint8Array.from(bytes).buffer);
  const queries = groups.queries.length;
  const byName = new Map();
  for (const [at, way] of ways.entries()) {
    const ranking = groups.queries.map((_, query) => {
      const start = (at * queries + query) * depth;
      return [...numbers.subarray(start, start + depth)].filter((row) => row !== none);
    });
    if (!byName.has(way.name)) byName.set(way.name, { ...way, rankings: [] });
    byName.get(way.name).rankings.push(ranking);
  }
  return [...byName.values()];
}

/** NDCG@10 with linear gain and MRR@10, as the set's own scorer counts them. */
function score(graded, ids) {
  const gains = ids.slice(0, cutoff).map((id) => graded.get(id) ?? 0);
  const discounted = (list) => list.reduce((sum, gain, at) => sum + gain / Math.log2(at + 2), 0);
  const ideal = discounted([...graded.values()].sort((a, b) => b - a).slice(0, cutoff));
  const first = gains.findIndex((gain) => gain >= 1);
  return { ndcg: ideal > 0 ? discounted(gains) / ideal : 0, mrr: first < 0 ? 0 : 1 / (first + 1) };
}

const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;

/** The middle 95% of the means of resampled differences. */
function interval(differences) {
  // Most queries do not change, and adding zeros takes as long as adding others.
  const changed = differences.filter((difference) => difference !== 0);
  if (changed.length === 0) return [0, 0];
  const random = seeded(2);
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let draw = 0; draw < differences.length; draw++) {
      const at = Math.floor(random() * differences.length);
      if (at < changed.length) sum += changed[at];
    }
    return sum / differences.length;
  }).sort();
  return [means[Math.floor(resamples * 0.025)], means[Math.ceil(resamples * 0.975) - 1]];
}

/** Fails unless the set's own scorer gives the same NDCG@10 and MRR@10. */
function checkAgainstScorer(set, queries, rows, way, folder) {
  const lines = queries.flatMap(({ id }, query) =>
    way.ranks[query].slice(0, cutoff).map((row, at) => `${id}\t${rows[row].id}\t${at + 1}\n`),
  );
  const [runFile, queriesFile] = [join(folder, 'run.tsv'), join(folder, 'queries.jsonl')];
  writeFileSync(runFile, lines.join(''));
  writeFileSync(queriesFile, queries.map(({ id }) => `${JSON.stringify({ id })}\n`).join(''));
  const scorer = join(values.eval, 'tools', 'eval.js');
  const args = ['--qrels', set.qrels, '--run', runFile, '--queries', queriesFile, '--k', String(cutoff), '--json'];
  const { ALL } = JSON.parse(execFileSync(process.execPath, [scorer, ...args]).toString());
  for (const [ours, theirs] of [
    [way.ndcg, ALL[`NDCG@${cutoff}`]],
    [way.mrr, ALL[`MRR@${cutoff}`]],
  ]) {
    if (Math.abs(ours - theirs) > 1e-4) throw new Error(`The set's scorer gives ${theirs}, we count ${ours}.`);
  }
}

function measure(set, lane, { rows, queries, dimension }, folder, within) {
  const repos = [...new Set(rows.map(({ repo }) => repo))];
  const group = ({ repo }) => (within ? repos.indexOf(repo) : 0);
  const ways = rank(folder, dimension, { base: rows.map(group), queries: queries.map(group) });
  const scores = (ranking) =>
    ranking.map((found, query) =>
      score(
        set.grades.get(queries[query].id),
        found.map((row) => rows[row].id),
      ),
    );
  const truth = ways[0].rankings[0].map((found) => found.slice(0, cutoff));
  const exact = scores(truth);
  const recall = (found, query) => {
    const best = found.slice(0, cutoff);
    return truth[query].filter((row) => best.includes(row)).length / truth[query].length;
  };
  const codes = ways.map(({ rankings, ...facts }) => {
    const scored = rankings.map(scores);
    const changes = scored.map((list) => list.map(({ ndcg }, query) => ndcg - exact[query].ndcg));
    const perQuery = queries.map((_, query) => mean(changes.map((list) => list[query])));
    const perRotation = changes.map(mean);
    return {
      ...facts,
      rotations: rankings.length,
      recall: mean(rankings.map((ranking) => mean(ranking.map(recall)))),
      ndcg: mean(scored.map((list) => mean(list.map(({ ndcg }) => ndcg)))),
      mrr: mean(scored.map((list) => mean(list.map(({ mrr }) => mrr)))),
      change: mean(perQuery),
      interval: interval(perQuery),
      range: [Math.min(...perRotation), Math.max(...perRotation)],
    };
  });
  for (const at of [0, ways.length - 1]) {
    checkAgainstScorer(set, queries, rows, { ranks: ways[at].rankings[0], ...codes[at] }, folder);
  }
  return {
    lane,
    dimension,
    searched: within ? 'the repository of the query' : 'all functions',
    functions: rows.length,
    repositories: repos.length,
    queries: queries.length,
    codes,
  };
}

function signed(value) {
  const size = Math.abs(value).toFixed(4);
  if (Number(size) === 0) return size;
  return `${value < 0 ? '−' : '+'}${size}`;
}

function print(name, report) {
  const { lane, dimension, searched, functions, queries, codes } = report;
  console.log(
    `\n**${name}**, ${lane} lane, ${dimension}-d: ${queries} queries, ${functions} functions, in ${searched}\n`,
  );
  const less = (bytes) => `${(100 * (1 - bytes / codes[0].stored)).toFixed(1)}%`;
  const table = [
    [
      'Code',
      'Scanned',
      'Less than f32',
      'In all',
      'Less',
      'recall@10',
      'NDCG@10',
      'Change',
      '95%',
      'By rotation',
      'MRR@10',
    ],
    ...codes.map((way) => [
      way.name,
      `${way.scanned} B`,
      less(way.scanned),
      `${way.stored} B`,
      less(way.stored),
      way.recall.toFixed(4),
      way.ndcg.toFixed(4),
      signed(way.change),
      way.interval.map(signed).join(' … '),
      way.rotations > 1 ? way.range.map(signed).join(' … ') : '',
      way.mrr.toFixed(4),
    ]),
  ];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const [head, ...body] = table;
  console.log([line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n'));
  for (const { name: way, note } of codes) if (note !== undefined) console.log(`${way}: ${note}`);
}

try {
  const reports = {};
  for (const { set: name, lane } of tasks) {
    const set = readSet(name);
    const folder = join(work, `${name}-${lane}`);
    const vectors = await embed(set, lane, folder);
    const scopes = vectors.rows.some(({ repo }) => repo !== undefined) ? [true, false] : [false];
    for (const within of scopes) {
      const report = measure(set, lane, vectors, folder, within);
      print(name, report);
      (reports[name] ??= []).push(report);
    }
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(reports, null, 2)}\n`);
} finally {
  if (values.work === undefined) rmSync(work, { recursive: true, force: true });
}
