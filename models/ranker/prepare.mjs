/**
 * Step 1: copies of the training repositories with questions about them.
 *
 *   node models/ranker/prepare.mjs --training FOLDER --out FOLDER [--per-language 5] [--most-files 900] [--times 1]
 *
 * FOLDER holds a checkout per repository (`owner+name`) and `READY`, which lists language, name, commit and licence.
 * --times takes so many times the usual number of questions of each repository.
 * Writes OUT/trees/owner+name and OUT/questions/owner+name.jsonl.
 */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeQuestions } from './questions.mjs';
import { fromServer, parsedFiles, repositoriesOf } from './sources.mjs';

const { values } = parseArgs({
  options: {
    training: { type: 'string' },
    out: { type: 'string' },
    'per-language': { type: 'string', default: '5' },
    'most-files': { type: 'string', default: '900' },
    times: { type: 'string', default: '1' },
  },
});
if (!values.training || !values.out || !existsSync(join(values.training, 'READY'))) {
  console.error('usage: node models/ranker/prepare.mjs --training FOLDER_WITH_READY --out FOLDER');
  process.exit(2);
}
const leastFiles = 12;

const product = await fromServer('prepare', {
  chunkFile: 'chunking/chunk-file.ts',
  languageOf: 'workspace/languages.ts',
  bareCommentLine: 'chunking/comment-text.ts',
});

const repositories = repositoriesOf(values.training).filter(
  ({ files }) => files >= leastFiles && files <= Number(values['most-files']),
);
const taken = new Map();
mkdirSync(join(values.out, 'questions'), { recursive: true });
for (const [number, { language, name }] of repositories.entries()) {
  const folder = name.replace('/', '+');
  const source = join(values.training, folder);
  if (!existsSync(source) || (taken.get(language) ?? 0) >= Number(values['per-language'])) continue;
  const files = parsedFiles(source, language, product);
  const { bareCommentLine } = product;
  const { questions, texts } = makeQuestions(files, bareCommentLine, {
    seed: number + 1,
    stripAll: number % 2 === 1,
    times: Number(values.times),
  });
  if (questions.length < 20) continue;
  taken.set(language, (taken.get(language) ?? 0) + 1);
  const tree = join(values.out, 'trees', folder);
  rmSync(tree, { recursive: true, force: true });
  cpSync(source, tree, { recursive: true, dereference: true });
  for (const [path, text] of texts) writeFileSync(join(tree, path), text);
  const lines = questions.map(({ kind, text, path, span }, at) =>
    JSON.stringify({ id: `${folder}-${at}`, repo: folder, language, kind, text, path, span }),
  );
  writeFileSync(join(values.out, 'questions', `${folder}.jsonl`), `${lines.join('\n')}\n`);
  console.log(`${language}\t${name}\t${files.length} files\t${questions.length} questions`);
}
