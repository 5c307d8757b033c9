/**
 * Step 1: what the product knows of answers that are right and of answers to questions about something else.
 *
 *   node models/confidence/features.mjs --prepared FOLDER --out FOLDER [--repositories N] [--parts N] [--eval FOLDER [--only REPOSITORY,…]]
 *
 * --prepared is the folder that models/ranker/prepare.mjs filled, with repositories that no lane's vectors were trained on:
 * others are known too well. Each (the N smallest) is asked its own questions and as many of the others', with the deep lane
 * and without; so are N parts of it, a few files each, since in a small folder the best of little stands out less. Writes
 * OUT/training.jsonl, a line per question and way: repository, kind of query, whether with the deep lane,
 * `label` (1: the answer is among the first ten hits, -1: it is not, 0: the question belongs elsewhere), features.
 *
 * With --eval the labelled sets the model is measured on, in the same form: OUT/repo-questions.jsonl (own and foreign
 * questions), OUT/web-queries.jsonl (the same, foreign ones from repo-questions), and OUT/labelled-pairs.jsonl: each pair's function
 * stands for the first hit of its query, among all functions.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { tiercel } from '../../test/quality/eval/product.mjs';
import { sets } from '../../test/quality/eval/sets.mjs';
import { fromServer, openDeep, openStore, root, seeded } from '../ranker/sources.mjs';

const { values } = parseArgs({
  options: {
    prepared: { type: 'string' },
    out: { type: 'string' },
    repositories: { type: 'string', default: '40' },
    parts: { type: 'string', default: '2' },
    eval: { type: 'string' },
    only: { type: 'string' },
  },
});
if (!values.out || (!values.prepared && !values.eval)) {
  console.error('usage: node models/confidence/features.mjs --out FOLDER [--prepared FOLDER] [--eval FOLDER]');
  process.exit(2);
}
const questionsPerRepository = 60;
const shownHits = 10;
/** Files of a part that answer questions, and others. */
const partFiles = { asked: 8, others: 10 };
mkdirSync(values.out, { recursive: true });
const home = join(values.out, 'home');
const random = seeded(8);

process.env.TIERCEL_NATIVE ||= join(root, 'dist', 'native', 'tiercel.node');
const product = await fromServer('confidence', {
  openEmbeddedStore: 'store/embedded.ts',
  openInstantEmbedder: 'inference/instant.ts',
  openDeepEmbedder: 'inference/deep.ts',
  ModelCatalog: 'inference/models/catalog.ts',
  ownProcess: 'processes/command.ts',
  candidatesFor: 'retrieval/search.ts',
  ranked: 'retrieval/search.ts',
  featuresOf: 'retrieval/confidence.ts',
});

const jsonLines = (text) =>
  text
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

function shuffled(list) {
  const result = [...list];
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [result[at], result[other]] = [result[other], result[at]];
  }
  return result;
}

const opening = {
  instant: product.openInstantEmbedder(join(root, 'models', 'instant-v2')),
  deep: openDeep(product, join(values.out, 'models')),
};
const lanes = [];
for (const [name, embedder] of Object.entries(opening)) {
  lanes.push({ name, embedder: await embedder, space: `${name}:${(await embedder).model.id}` });
}

/** The store of a folder, indexed by the product, and ways to ask it: without the deep lane and with it. */
async function openFolder(path) {
  await tiercel(home, ['index', path, '--deep']);
  const { indexPath } = JSON.parse(await tiercel(home, ['status', path, '--json']));
  await tiercel(home, ['stop']);
  const spaces = lanes.map(({ space, embedder }) => ({ name: space, dimension: embedder.model.dimension }));
  const store = await openStore(product, { directory: indexPath, spaces });
  const ways = [lanes.slice(0, 1), lanes].map((asked) => ({ store, tree: path, lanes: asked, patienceMs: 60_000 }));
  return { ways, close: () => store.close() };
}

async function ask(deps, text) {
  const options = { limit: shownHits, filter: {} };
  const { judged, asked } = await product.candidatesFor(deps, text, options, new AbortController().signal);
  const { first } = product.ranked(judged, asked, options);
  return { judged, asked, first };
}

const placesOf = (hits) => hits.map(({ candidate: { info } }) => info);

async function rowOf(deps, question, own) {
  const { judged, asked, first } = await ask(deps, question.text);
  const found = own && question.gainsOf(placesOf(first)).some((gain) => gain > 0);
  const features = product.featuresOf(first, judged, asked.stems.length);
  const deep = deps.lanes.length > 1;
  return { text: question.text, kind: asked.kind, deep, label: own ? (found ? 1 : -1) : 0, features };
}

/**
 * As people type: half of the names their beginning only, or with a letter missing; a third of the sentences their first
 * words that carry meaning.
 */
function typed(question) {
  const { text } = question;
  if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(text)) {
    return random() < 1 / 3 ? { ...question, text: shortened(text) } : question;
  }
  if (text.length < 7 || random() < 0.5) return question;
  if (random() < 0.5) return { ...question, text: text.slice(0, Math.ceil(text.length * 0.65)) };
  const at = 1 + Math.floor(random() * (text.length - 2));
  return { ...question, text: text.slice(0, at) + text.slice(at + 1) };
}

const little = /^(?:an?|the|of|to|in|on|for|with|and|or|by|is|are|be|if|that|this|from|as|at|it|its|whether)$/i;

/** Up to the second, third or fourth of its words that carry meaning. */
function shortened(text) {
  const words = text.split(/\s+/);
  let left = 2 + Math.floor(random() * 3);
  const last = words.findIndex((word) => !little.test(word) && --left === 0);
  return last < 0 ? text : words.slice(0, last + 1).join(' ');
}

async function rowsOf(folder, foreign, asTyped) {
  const { ways, close } = await openFolder(folder.path);
  const rows = [];
  const own = shuffled(folder.questions).slice(0, questionsPerRepository).map(asTyped);
  const others = shuffled(foreign).slice(0, own.length).map(asTyped);
  for (const deps of ways) {
    for (const question of own) rows.push(await rowOf(deps, question, true));
    for (const question of others) rows.push(await rowOf(deps, question, false));
  }
  await close();
  return rows.map((row) => ({ repository: folder.name, ...row }));
}

function overlap({ startLine, endLine }, [first, last]) {
  const shared = Math.min(endLine, last) - Math.max(startLine, first) + 1;
  return Math.max(0, shared) / (Math.max(endLine, last) - Math.min(startLine, first) + 1);
}

function preparedFolders() {
  const questions = join(values.prepared, 'questions');
  // Functions that stand alone are no repository.
  const files = readdirSync(questions).filter((file) => !file.startsWith('alone-'));
  const all = files.map((file) => {
    const name = file.replace(/\.jsonl$/, '');
    const path = join(values.prepared, 'trees', name);
    const rows = jsonLines(readFileSync(join(questions, file))).map(({ kind, text, path: target, span }) => ({
      text,
      target,
      gainsOf: (hits) =>
        hits.map((hit) => Number(hit.path === target && (kind !== 'doc' || overlap(hit, span) >= 0.5))),
    }));
    const size = Number(execFileSync('du', ['-sk', path]).toString().split('\t')[0]);
    return { name, path, questions: rows, size };
  });
  const folders = all.sort((a, b) => a.size - b.size).slice(0, Number(values.repositories));
  return folders.flatMap((folder) => [
    ...Array.from({ length: Number(values.parts) }, (_, number) => partOf(folder, number)),
    folder,
  ]);
}

/** A folder with a few of a repository's files, and the questions that they answer. */
function partOf(folder, number) {
  const files = readdirSync(folder.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder.path, join(entry.parentPath, entry.name)));
  const targets = new Set(
    shuffled([...new Set(folder.questions.map(({ target }) => target))]).slice(0, partFiles.asked),
  );
  const chosen = [...targets, ...shuffled(files.filter((file) => !targets.has(file))).slice(0, partFiles.others)];
  const path = join(values.out, 'parts', `${folder.name}-${String(number)}`);
  for (const file of chosen) cpSync(join(folder.path, file), join(path, file), { recursive: true });
  return { ...folder, path, questions: folder.questions.filter(({ target }) => targets.has(target)) };
}

async function writeRows(name, folders, foreignOf, asTyped = (question) => question) {
  const rows = [];
  for (const folder of folders) {
    rows.push(...(await rowsOf(folder, foreignOf(folder), asTyped)));
    console.log(`${name}: ${folder.name}`);
  }
  writeFileSync(join(values.out, `${name}.jsonl`), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

const othersOf = (folders) => (own) =>
  folders.filter(({ name }) => name !== own.name).flatMap(({ questions }) => questions);

async function labelledPairs() {
  const source = join(values.eval, 'web-queries');
  const folder = join(values.out, 'labelled-pairs');
  const pairs = jsonLines(readFileSync(join(source, 'labelled-pairs.jsonl')));
  const functions = [
    ...pairs.map(({ code }) => code),
    ...jsonLines(gunzipSync(readFileSync(join(source, 'corpus.jsonl.gz')))).map(({ text }) => text),
  ];
  // Letters only, so that no word or number of a query is in a path.
  const pathOf = (number) => `${[...String(number)].map((digit) => 'bcdfghjklm'[digit]).join('')}.py`;
  functions.forEach((code, number) => {
    const file = join(folder, pathOf(number));
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file)) writeFileSync(file, `${code}\n`);
  });
  const { ways, close } = await openFolder(folder);
  const rows = [];
  for (const deps of ways) {
    const deep = deps.lanes.length > 1;
    for (const [number, { query, label }] of pairs.entries()) {
      const { judged, asked } = await ask(deps, query);
      const own = judged.filter(({ candidate }) => candidate.info.path === pathOf(number));
      // A function that is no candidate of its query at all has no features: it is no match by any cut.
      const features = own.length === 0 ? undefined : product.featuresOf(own, judged, asked.stems.length);
      const row = { repository: 'labelled-pairs', text: query, kind: asked.kind, deep, label };
      rows.push({ ...row, ...(features && { features }) });
    }
  }
  await close();
  writeFileSync(join(values.out, 'labelled-pairs.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

if (values.prepared !== undefined) {
  const folders = preparedFolders();
  await writeRows('training', folders, othersOf(folders), typed);
}
if (values.eval !== undefined) {
  const work = join(values.out, 'sets');
  mkdirSync(work, { recursive: true });
  const only = values.only?.split(',');
  const folders = sets['repo-questions'](values.eval, work).folders.filter(({ name }) => only?.includes(name) ?? true);
  const web = sets['web-queries'](values.eval, work).folders;
  await labelledPairs();
  await writeRows('web-queries', web, () => folders.flatMap(({ questions }) => questions));
  await writeRows('repo-questions', folders, othersOf(folders));
}
for (const { embedder } of lanes) await embedder.close();
