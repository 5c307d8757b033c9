/**
 * Scores the instant lane alone on the evaluation data: cosine, nothing else.
 *
 *   node models/instant-v2/evaluate.mjs --eval FOLDER [--model FOLDER]
 *
 * Builds on the addon and the grammars of `npm run build`. Prints NDCG@10 per set: functions by a sentence of their
 * documentation within their repository, Python functions by web search queries, the same task in other languages (with
 * names, without, by its text), files of a repository by questions (macro mean over languages; a file counts with its best
 * chunks, the second and third at a half and a quarter).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { bundleChunker, loadChunker } from '../training/chunker.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const cutoff = 10;
const { values: options } = parseArgs({
  options: { eval: { type: 'string' }, model: { type: 'string', default: here } },
});
if (options.eval === undefined) {
  console.error('usage: node evaluate.mjs --eval FOLDER [--model FOLDER]');
  process.exit(2);
}
process.env.TIERCEL_NATIVE ||= join(here, '..', '..', 'dist', 'native', 'tiercel.node');
await bundleChunker();
const { chunkFile, embeddingText, languageOf, openInstantEmbedder } = await loadChunker();
const embedder = await openInstantEmbedder(options.model);
const { dimension } = embedder.model;

function readLines(...path) {
  const bytes = readFileSync(join(options.eval, ...path));
  const text = path.at(-1).endsWith('.gz') ? gunzipSync(bytes) : bytes;
  return text
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function readGrades(...path) {
  const grades = new Map();
  const lines = readFileSync(join(options.eval, ...path), 'utf8')
    .trim()
    .split('\n');
  for (const [query, document, grade] of lines.map((line) => line.split('\t'))) {
    if (!grades.has(query)) {
      grades.set(query, new Map());
    }
    grades.get(query).set(document, Number(grade));
  }
  return grades;
}

function dot(a, aRow, b, bRow) {
  let sum = 0;
  for (let k = 0; k < dimension; k++) {
    sum += a[aRow * dimension + k] * b[bRow * dimension + k];
  }
  return sum;
}

/** @param ranked ids, best first  @param graded id -> grade */
function ndcg(ranked, graded) {
  const discount = (rank) => 1 / Math.log2(rank + 2);
  const gain = ranked.slice(0, cutoff).reduce((sum, id, rank) => sum + (graded.get(id) ?? 0) * discount(rank), 0);
  const best = [...graded.values()].sort((a, b) => b - a).slice(0, cutoff);
  return gain / best.reduce((sum, grade, rank) => sum + grade * discount(rank), 0);
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Documents searched by queries that have grades; `apart` tells which documents a query does not search. */
async function scoreSet(documents, queries, grades, apart) {
  const asked = queries.filter(({ id }) => grades.has(id));
  const vectors = await embedder.embed(
    documents.map(({ text }) => text),
    'passage',
  );
  const questions = await embedder.embed(
    asked.map(({ text }) => text),
    'query',
  );
  const scores = asked.map((query, row) => {
    const found = [];
    documents.forEach((document, place) => {
      if (!apart(query, document)) {
        found.push([dot(questions, row, vectors, place), document.id]);
      }
    });
    found.sort((a, b) => b[0] - a[0]);
    return ndcg(
      found.map(([, id]) => id),
      grades.get(query.id),
    );
  });
  return { mean: mean(scores), count: scores.length };
}

async function report(name, result) {
  const { mean: value, count } = await result;
  console.log(`${name}\t${value.toFixed(4)}\t${count} questions`);
}

/** Score of a file: its three best chunks. */
const fileScore = (scores) =>
  scores
    .sort((a, b) => b - a)
    .slice(0, 3)
    .reduce((sum, score, rank) => sum + score / 2 ** rank, 0);

async function scoreRepositoryQuestions() {
  const queries = readLines('repo-questions', 'queries.jsonl');
  const grades = readGrades('repo-questions', 'qrels.tsv');
  const byLanguage = new Map();
  for (const entry of readdirSync(join(options.eval, 'repo-questions', 'trees'))) {
    const repository = basename(entry, '.jsonl.gz');
    const chunks = readLines('repo-questions', 'trees', entry).flatMap(({ path, text }) => {
      const language = languageOf(path, text);
      return chunkFile({ path, text, language }).chunks.map((chunk) => ({
        path: `${repository}/${path}`,
        text: embeddingText(chunk, language),
      }));
    });
    const vectors = await embedder.embed(
      chunks.map(({ text }) => text),
      'passage',
    );
    for (const query of queries.filter(({ id, repo }) => repo === repository && grades.has(id))) {
      const question = await embedder.embed([query.text], 'query');
      const files = new Map();
      chunks.forEach(({ path }, row) => {
        const scores = files.get(path) ?? [];
        scores.push(dot(question, 0, vectors, row));
        files.set(path, scores);
      });
      const ranked = [...files].map(([path, scores]) => [path, fileScore(scores)]).sort((a, b) => b[1] - a[1]);
      const score = ndcg(
        ranked.map(([path]) => path),
        grades.get(query.id),
      );
      byLanguage.set(query.language, [...(byLanguage.get(query.language) ?? []), score]);
    }
  }
  for (const [language, scores] of [...byLanguage].sort()) {
    console.log(`  ${language}\t${mean(scores).toFixed(4)}\t${scores.length}`);
  }
  const all = [...byLanguage.values()];
  return { mean: mean(all.map(mean)), count: all.flat().length };
}

const otherRepository = (query, document) => query.repo !== document.repo;
await report(
  'doc-to-function',
  scoreSet(
    readLines('doc-to-function', 'corpus.jsonl.gz'),
    readLines('doc-to-function', 'queries.jsonl'),
    readGrades('doc-to-function', 'qrels.tsv'),
    otherRepository,
  ),
);
await report(
  'web-queries',
  scoreSet(
    readLines('web-queries', 'corpus.jsonl.gz'),
    readLines('web-queries', 'queries.jsonl'),
    readGrades('web-queries', 'qrels.tsv'),
    () => false,
  ),
);
const sameLanguage = (query, document) => query.language === document.language;
for (const variant of ['', '.masked']) {
  await report(
    `cross-language${variant}`,
    scoreSet(
      readLines('cross-language', `corpus${variant}.jsonl.gz`),
      readLines('cross-language', `queries${variant}.jsonl`),
      readGrades('cross-language', 'qrels.tsv'),
      sameLanguage,
    ),
  );
}
await report(
  'cross-language, by text',
  scoreSet(
    readLines('cross-language', 'corpus.jsonl.gz'),
    readLines('cross-language', 'nl.queries.jsonl'),
    readGrades('cross-language', 'nl.qrels.tsv'),
    () => false,
  ),
);
await report('repo-questions', scoreRepositoryQuestions());
await embedder.close();
