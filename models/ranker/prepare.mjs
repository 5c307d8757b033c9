/**
 * Step 1: copies of the training repositories with questions about them.
 *
 *   node models/ranker/prepare.mjs --training FOLDER --out FOLDER [--per-language 5] [--most-files 900]
 *
 * FOLDER holds a checkout per repository (`owner+name`) and `READY`, which lists language, name, commit and licence.
 * Writes OUT/trees/owner+name and OUT/questions/owner+name.jsonl.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { makeQuestions } from './questions.mjs';
import { fromServer } from './sources.mjs';

const { values } = parseArgs({
  options: {
    training: { type: 'string' },
    out: { type: 'string' },
    'per-language': { type: 'string', default: '5' },
    'most-files': { type: 'string', default: '900' },
  },
});
if (!values.training || !values.out || !existsSync(join(values.training, 'READY'))) {
  console.error('usage: node models/ranker/prepare.mjs --training FOLDER_WITH_READY --out FOLDER');
  process.exit(2);
}
const largestFile = 300_000;
const leastFiles = 12;

const { chunkFile, languageOf, bareCommentLine } = await fromServer('prepare', {
  chunkFile: 'chunking/chunk-file.ts',
  languageOf: 'workspace/languages.ts',
  bareCommentLine: 'chunking/comment-text.ts',
});

function* filesIn(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== '.git' && entry.name !== 'node_modules') yield* filesIn(path);
    else if (entry.isFile() && statSync(path).size <= largestFile) yield path;
  }
}

function codeOf(folder, language) {
  const files = [];
  for (const file of filesIn(folder)) {
    const path = relative(folder, file);
    const of = languageOf(path);
    if (of !== language && !(language === 'typescript' && of === 'javascript') && !(language === 'cpp' && of === 'c'))
      continue;
    const text = readFileSync(file, 'utf8');
    if (text.includes('\0')) continue;
    const { chunks, method } = chunkFile({ path, language: of, text });
    if (method === 'parsed') files.push({ path, text, chunks });
  }
  return files;
}

const rows = readFileSync(join(values.training, 'READY'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split('\t'))
  .filter(
    ([, name, , , files]) => Number(files) >= leastFiles && Number(files) <= Number(values['most-files']) && name,
  );
const taken = new Map();
mkdirSync(join(values.out, 'questions'), { recursive: true });
for (const [number, [language, name]] of rows.entries()) {
  const folder = name.replace('/', '+');
  const source = join(values.training, folder);
  if (!existsSync(source) || (taken.get(language) ?? 0) >= Number(values['per-language'])) continue;
  const files = codeOf(source, language);
  const { questions, texts } = makeQuestions(files, bareCommentLine, { seed: number + 1, stripAll: number % 2 === 1 });
  if (questions.length < 20) continue;
  taken.set(language, (taken.get(language) ?? 0) + 1);
  const tree = join(values.out, 'trees', folder);
  rmSync(tree, { recursive: true, force: true });
  cpSync(source, tree, { recursive: true });
  for (const [path, text] of texts) writeFileSync(join(tree, path), text);
  const lines = questions.map(({ kind, text, path, span }, at) =>
    JSON.stringify({ id: `${folder}-${at}`, repo: folder, language, kind, text, path, span }),
  );
  writeFileSync(join(values.out, 'questions', `${folder}.jsonl`), `${lines.join('\n')}\n`);
  console.log(`${language}\t${name}\t${files.length} files\t${questions.length} questions`);
}
