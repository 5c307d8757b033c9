/**
 * The labelled sets as folders to index and questions to ask.
 *
 * A set is `{ name, groupBy, folders: [{ name, path, questions }] }`; a question is
 * `{ id, text, group, gainsOf(hits), grades }`: `group` is what the macro average is over, `gainsOf` turns hits into the
 * grades of what they find, each thing once.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const jsonLines = (bytes) =>
  bytes
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Grades by query, as `query \t document \t grade` lines. */
function readGrades(file) {
  const grades = new Map();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const [query, id, grade] = line.split('\t');
    if (!(Number(grade) > 0)) continue;
    if (!grades.has(query)) grades.set(query, new Map());
    grades.get(query).set(id, Number(grade));
  }
  return grades;
}

/** Writes the trees of a set into `out`, once. */
function unpack(evaluation, set, out) {
  if (existsSync(out)) return;
  execFileSync(process.execPath, [join(evaluation, 'tools', 'unpack.js'), join(evaluation, set), out]);
}

function byFolder(questions, folderOf, pathOf) {
  const folders = new Map();
  for (const question of questions) {
    const name = folderOf(question);
    if (!folders.has(name)) folders.set(name, { name, path: pathOf(name), questions: [] });
    folders.get(name).questions.push(question);
  }
  return [...folders.values()];
}

const samePath = (a, b) => a === b || a.endsWith(`/${b}`) || b.endsWith(`/${a}`);

/** Hits that find files, or lines of files; as the set's own scorer counts them. */
function gainsOfTargets(targets) {
  return (hits) => {
    const found = new Set();
    return hits.map(({ path, startLine, endLine }) => {
      const at = targets.findIndex(
        (target, number) =>
          !found.has(number) &&
          samePath(path, target.path) &&
          (!target.span || (endLine >= target.span[0] && startLine <= target.span[1])),
      );
      if (at >= 0) found.add(at);
      return at >= 0 ? 1 : 0;
    });
  };
}

/** Questions about whole repositories; `folder` holds `queries.jsonl` and `targets.jsonl`, `treeOf` gives a repository. */
export function questionsAboutFiles(name, folder, treeOf) {
  const targets = new Map(jsonLines(readFileSync(join(folder, 'targets.jsonl'))).map((row) => [row.id, row.targets]));
  const questions = jsonLines(readFileSync(join(folder, 'queries.jsonl'))).map((query) => ({
    ...query,
    group: query.language,
    gainsOf: gainsOfTargets(targets.get(query.id)),
    grades: targets.get(query.id).map(() => 1),
  }));
  return { name, groupBy: 'language', folders: byFolder(questions, ({ repo }) => repo, treeOf) };
}

function repoQuestions(evaluation, work) {
  const trees = join(work, 'repo-questions');
  unpack(evaluation, 'repo-questions', trees);
  return questionsAboutFiles('repo-questions', join(evaluation, 'repo-questions'), (repo) => join(trees, repo));
}

/** The function of a file that a hit covers best, by intersection over union of lines. */
function functionAt(functions, { path, startLine, endLine }) {
  let best;
  let bestShare = 0;
  for (const row of functions.get(path) ?? []) {
    const shared = Math.min(endLine, row.end_line) - Math.max(startLine, row.start_line) + 1;
    if (shared <= 0) continue;
    const share = shared / (Math.max(endLine, row.end_line) - Math.min(startLine, row.start_line) + 1);
    if (share > bestShare) [best, bestShare] = [row.id, share];
  }
  return best;
}

/** Grades of hits, each document once; a hit on a document seen before takes no place. */
function gainsOfDocuments(graded, documentOf) {
  return (hits) => {
    const seen = new Set();
    const gains = [];
    for (const hit of hits) {
      const id = documentOf(hit);
      if (seen.has(id)) continue;
      seen.add(id);
      gains.push(graded.get(id) ?? 0);
    }
    return gains;
  };
}

function docToFunction(evaluation, work) {
  const folder = join(evaluation, 'doc-to-function');
  const trees = join(work, 'doc-to-function');
  unpack(evaluation, 'doc-to-function', trees);
  const grades = readGrades(join(folder, 'qrels.tsv'));
  const functions = new Map();
  for (const row of jsonLines(gunzipSync(readFileSync(join(folder, 'corpus.jsonl.gz'))))) {
    if (!functions.has(row.repo)) functions.set(row.repo, new Map());
    const files = functions.get(row.repo);
    if (!files.has(row.path)) files.set(row.path, []);
    files.get(row.path).push(row);
  }
  const questions = jsonLines(readFileSync(join(folder, 'queries.jsonl')))
    .filter(({ id }) => grades.has(id))
    .map((query) => {
      const graded = grades.get(query.id);
      const documentOf = (hit) => functionAt(functions.get(query.repo), hit) ?? `${hit.path}:${hit.startLine}`;
      const gainsOf = gainsOfDocuments(graded, documentOf);
      return { ...query, group: query.language, gainsOf, grades: [...graded.values()] };
    });
  const treeOf = (repo) => join(trees, repo.replace('/', '+'));
  return { name: 'doc-to-function', groupBy: 'query', folders: byFolder(questions, ({ repo }) => repo, treeOf) };
}

const endings = { python: 'py', javascript: 'js', java: 'java', go: 'go', cpp: 'cpp', rust: 'rs' };

/** A name without a meaning: letters only, so that no word or number of a question is in it. */
function namelessFile(number) {
  let name = '';
  for (let rest = number, at = 0; at < 4; at++, rest = Math.floor(rest / 20)) name += 'bcdfghjklmnpqrstvwxz'[rest % 20];
  return `${name.slice(0, 2)}x/${name}q`;
}

/** Single functions as a folder, a file each; gives the id of a path. */
function writeFunctions(rows, folder) {
  const ids = new Map();
  rows.forEach((row, number) => {
    const path = `${namelessFile(number)}.${endings[row.language] ?? row.language}`;
    ids.set(path, row.id);
    const file = join(folder, path);
    if (existsSync(file)) return;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${row.text}\n`);
  });
  return ids;
}

/** Questions over single functions, in text or by a function; the latter ask for other languages than their own. */
function overFunctions(evaluation, work, { name, set, corpus, queries, qrels }) {
  const folder = join(evaluation, set);
  const grades = readGrades(join(folder, qrels));
  const path = join(work, `${set}-${corpus.replace(/\..*$/, '')}${corpus.includes('masked') ? '-masked' : ''}`);
  const ids = writeFunctions(jsonLines(gunzipSync(readFileSync(join(folder, corpus)))), path);
  const paths = new Map([...ids].map(([file, id]) => [id, file]));
  const questions = jsonLines(readFileSync(join(folder, queries)))
    .filter(({ id }) => grades.has(id))
    .map((query) => {
      const graded = grades.get(query.id);
      const gains = gainsOfDocuments(graded, (hit) => ids.get(hit.path));
      const gainsOf = (hits) => gains(hits.filter((hit) => ids.get(hit.path) !== query.doc_id));
      // The question is for the others: a function is not looked for in its own language.
      const others = Object.keys(endings).filter((language) => language !== query.language);
      const languages = query.doc_id === undefined ? undefined : others;
      return { ...query, languages, group: query.language ?? 'text', gainsOf, grades: [...graded.values()] };
    });
  return { name, groupBy: 'query', folders: [{ name: set, path, questions, pathOf: (id) => paths.get(id) }] };
}

const crossLanguage = (name, rest) => (evaluation, work) =>
  overFunctions(evaluation, work, { name, set: 'cross-language', ...rest });

export const sets = {
  'repo-questions': repoQuestions,
  'doc-to-function': docToFunction,
  'web-queries': (evaluation, work) =>
    overFunctions(evaluation, work, {
      name: 'web-queries',
      set: 'web-queries',
      corpus: 'corpus.jsonl.gz',
      queries: 'queries.jsonl',
      qrels: 'qrels.tsv',
    }),
  'cross-language-plain': crossLanguage('cross-language-plain', {
    corpus: 'corpus.jsonl.gz',
    queries: 'queries.jsonl',
    qrels: 'qrels.tsv',
  }),
  'cross-language-masked': crossLanguage('cross-language-masked', {
    corpus: 'corpus.masked.jsonl.gz',
    queries: 'queries.masked.jsonl',
    qrels: 'qrels.tsv',
  }),
  'cross-language-nl': crossLanguage('cross-language-nl', {
    corpus: 'corpus.jsonl.gz',
    queries: 'nl.queries.jsonl',
    qrels: 'nl.qrels.tsv',
  }),
};
