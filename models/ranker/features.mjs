/**
 * Step 2: what the product knows of every candidate of every question, computed by the product's own code.
 *
 *   node models/ranker/features.mjs --out FOLDER [--eval FOLDER --work FOLDER] [--sets SET,…] [--only FOLDER,…] [--deep]
 *
 * FOLDER is that of prepare.mjs. Indexes its trees with the command line, ends the server, opens the stores in this
 * process, and writes OUT/features/SET/FOLDER.{json,f32}: per question its candidates, a row of numbers each. With --eval
 * the same for the labelled sets, to report on; their trees lie in --work (as `npm run eval -- --work` leaves them). With
 * --deep the deep lane is filled and asked as well: for deep.mjs, into an OUT of its own.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tiercel } from '../../test/quality/eval/product.mjs';
import { sets } from '../../test/quality/eval/sets.mjs';
import { fromServer, openDeep, openStore, root } from './sources.mjs';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    eval: { type: 'string' },
    work: { type: 'string' },
    sets: { type: 'string', default: 'training' },
    only: { type: 'string' },
    deep: { type: 'boolean', default: false },
  },
});
if (!values.out || (values.sets !== 'training' && (!values.eval || !values.work))) {
  console.error('usage: node models/ranker/features.mjs --out FOLDER [--eval FOLDER --work FOLDER --sets SET,…]');
  process.exit(2);
}
/** Candidates kept of one question: the best by the weights set by hand, and all that answer it. */
const mostCandidates = 150;

process.env.TIERCEL_NATIVE ||= join(root, 'dist', 'native', 'tiercel.node');
const product = await fromServer('features', {
  openEmbeddedStore: 'store/embedded.ts',
  openInstantEmbedder: 'inference/instant.ts',
  openDeepEmbedder: 'inference/deep.ts',
  ModelCatalog: 'inference/models/catalog.ts',
  ownProcess: 'processes/command.ts',
  candidatesFor: 'retrieval/search.ts',
  signalNames: 'retrieval/signals.ts',
  'aloneness, queryWeights, rank': 'retrieval/ranker.ts',
});
const { signalNames } = product;

/** Files of a training repository; a hit answers by path, and by lines where the question is about a function. */
function trainingSet() {
  const folder = join(values.out, 'questions');
  const folders = readdirSync(folder).map((file) => {
    const name = file.replace(/\.jsonl$/, '');
    const rows = readFileSync(join(folder, file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const questions = rows.map(({ id, kind, language, text, path, span }) => ({
      id,
      text,
      group: language,
      source: kind,
      byFile: kind !== 'doc',
      grades: [1],
      gainsOf: (hits) => hits.map((hit) => Number(hit.path === path && (kind !== 'doc' || overlap(hit, span) >= 0.5))),
    }));
    return { name, path: join(values.out, 'trees', name), questions };
  });
  return { name: 'training', folders };
}

function overlap({ startLine, endLine }, [first, last]) {
  const shared = Math.min(endLine, last) - Math.max(startLine, first) + 1;
  return Math.max(0, shared) / (Math.max(endLine, last) - Math.min(startLine, first) + 1);
}

function chosenSets() {
  return values.sets.split(',').map((name) => {
    if (name === 'training') return { ...trainingSet(), home: join(values.out, 'home') };
    return { ...sets[name](values.eval, values.work), home: join(values.work, 'home') };
  });
}

async function questionRows(store, lanes, tree, question) {
  const deps = { store, tree, lanes, patienceMs: 0 };
  const options = { limit: 25, filter: {} };
  const { judged, asked } = await product.candidatesFor(deps, question.text, options, new AbortController().signal);
  const ordered = product.rank(judged, product.queryWeights('hand', asked, judged)).map(({ judged: one }) => one);
  const placeOf = ({ candidate: { info } }) => info;
  // Each candidate is asked for by itself, so that all that answer are marked, not the first only.
  const labels = ordered.map((one) => question.gainsOf([placeOf(one)])[0] ?? 0);
  const kept = ordered
    .map((one, at) => ({ one, label: labels[at], at }))
    .filter(({ label, at }) => label > 0 || at < mostCandidates);
  const files = new Map();
  const rows = kept.map(({ one, label }) => {
    const { path, id } = placeOf(one);
    if (!files.has(path)) files.set(path, files.size);
    return [...signalNames.map((name) => one.signals[name]), label, files.get(path), id];
  });
  return { kind: asked.kind, alone: product.aloneness(judged), rows, places: kept.map(({ one }) => placeOf(one)) };
}

/** Which of a question's answers each place is, from 1 on; 0 for none. */
function answersOf(question, places) {
  if (question.grades.length === 1) return places.map((place) => Number(question.gainsOf([place])[0] > 0));
  const keys = new Map();
  return places.map((place) => {
    if (!(question.gainsOf([place])[0] > 0)) return 0;
    // Two places are the same answer where the second gains nothing after the first.
    for (const [key, first] of keys) {
      const gains = question.gainsOf([first, place]);
      if (!(gains[1] > 0)) return key;
    }
    keys.set(keys.size + 1, place);
    return keys.size;
  });
}

async function writeFolder(set, folder, directory, lanes) {
  const spaces = lanes.map(({ space, embedder }) => ({ name: space, dimension: embedder.model.dimension }));
  const store = await openStore(product, { directory, spaces });
  // An index knows its tree by the path without links.
  const tree = realpathSync(folder.path);
  const head = { names: signalNames, questions: [] };
  const numbers = [];
  try {
    for (const question of folder.questions) {
      const { kind, alone, rows, places } = await questionRows(store, lanes, tree, question);
      const answers = answersOf(question, places);
      const { id, group, source = set.name, byFile = set.name === 'repo-questions', grades } = question;
      const files = [...new Set(places.map(({ path }) => path))];
      head.questions.push({ id, group, source, byFile, kind, alone, answers: grades.length, rows: rows.length, files });
      rows.forEach((row, at) =>
        numbers.push(...row.slice(0, signalNames.length), answers[at], row[signalNames.length + 1]),
      );
    }
  } finally {
    await store.close();
  }
  const file = join(values.out, 'features', set.name, folder.name.replace('/', '+'));
  writeFileSync(`${file}.json`, JSON.stringify(head));
  writeFileSync(`${file}.f32`, new Uint8Array(Float32Array.from(numbers).buffer));
}

const opening = { instant: product.openInstantEmbedder(join(root, 'models', 'instant-v2')) };
if (values.deep) opening.deep = openDeep(product, join(values.out, 'models'));
const lanes = [];
for (const [name, embedder] of Object.entries(opening)) {
  lanes.push({ name, embedder: await embedder, space: `${name}:${(await embedder).model.id}` });
}
for (const set of chosenSets()) {
  if (values.only !== undefined) set.folders = set.folders.filter(({ name }) => values.only.split(',').includes(name));
  mkdirSync(join(values.out, 'features', set.name), { recursive: true });
  const directories = new Map();
  for (const folder of set.folders) {
    if (!existsSync(folder.path))
      throw new Error(`${folder.path} is not there: run prepare.mjs, or npm run eval with --work.`);
    await tiercel(set.home, ['index', folder.path, '--json', ...(values.deep ? ['--deep'] : [])]);
    const { indexPath, chunks } = JSON.parse(await tiercel(set.home, ['status', folder.path, '--json']));
    directories.set(folder, indexPath);
    console.log(`${set.name} ${folder.name}: ${chunks} chunks`);
  }
  await tiercel(set.home, ['stop']);
  for (const folder of set.folders) {
    const start = performance.now();
    await writeFolder(set, folder, directories.get(folder), lanes);
    console.log(`${set.name} ${folder.name}: ${Math.round(performance.now() - start)} ms`);
  }
}
for (const { embedder } of lanes) await embedder.close();
