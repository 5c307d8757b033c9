/**
 * For train-alone.mjs: functions of the training repositories taken out of their files, with questions about them.
 *
 *   node models/ranker/alone.mjs --training FOLDER --out FOLDER [--per-repository 200] [--questions 300]
 *
 * FOLDER is that of prepare.mjs, after prepare.mjs: the same repositories. Where functions stand alone, a file each under
 * a name that says nothing, the ranker has no places to go by. Two folders for each of the folds of train.mjs:
 *
 * - `alone-N-bare`: functions without documentation. Asked for by the first sentence of it (`alone-doc`), and by the
 *   words of that sentence that carry meaning, as one types them (`alone-topic`).
 * - `alone-N-nameless`: functions with their documentation, every name taken out. Asked for by the name as words
 *   (`alone-name`).
 *
 * In both, all functions are treated the same, so that nothing but the question tells the answer from the others.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { codeOf } from '../training/code.mjs';
import { firstSentence, isTest, sample, unique, wordsOf } from './questions.mjs';
import { foldOf, folds, fromServer, parsedFiles, repositoriesOf, seeded } from './sources.mjs';

const { values } = parseArgs({
  options: {
    training: { type: 'string' },
    out: { type: 'string' },
    'per-repository': { type: 'string', default: '200' },
    questions: { type: 'string', default: '300' },
  },
});
if (!values.training || !values.out || !existsSync(join(values.training, 'READY'))) {
  console.error('usage: node models/ranker/alone.mjs --training FOLDER_WITH_READY --out FOLDER');
  process.exit(2);
}
const shortest = 4;
const longest = 80;
/** What stands for every name. */
const noName = 'fn';

const product = await fromServer('alone', {
  chunkFile: 'chunking/chunk-file.ts',
  languageOf: 'workspace/languages.ts',
  bareCommentLine: 'chunking/comment-text.ts',
  tellingStems: 'retrieval/words.ts',
});

function dedented(text) {
  const lines = text.split('\n');
  const depth = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(depth)).join('\n');
}

/** Functions that are no tests, whole, with a plain name. */
function functionsOf({ path, text, chunks }) {
  if (isTest(path)) return [];
  const lines = text.split('\n');
  return chunks.flatMap((chunk) => {
    const name = chunk.symbol.split('.').at(-1);
    const count = chunk.endLine - chunk.startLine + 1;
    if (chunk.kind !== 'function' && chunk.kind !== 'method') return [];
    if (!/^[A-Za-z_]\w*$/.test(name) || chunk.symbol.includes(',') || count < shortest || count > longest) return [];
    const whole = lines.slice(chunk.startLine - 1, chunk.endLine).join('\n');
    const bare = codeOf({ ...chunk, text: whole }, product.bareCommentLine).text;
    return [{ name, ending: extname(path), doc: chunk.doc, whole, bare }];
  });
}

/** A name without a meaning: letters only, so that no word or number of a question is in it. */
function namelessFile(number, ending) {
  let name = '';
  for (let rest = number, at = 0; at < 4; at++, rest = Math.floor(rest / 20)) name += 'bcdfghjklmnpqrstvwxz'[rest % 20];
  return `${name.slice(0, 2)}x/${name}q${ending}`;
}

/** The words of a sentence that carry meaning, as they are written there. */
function topicOf(sentence) {
  const words = sentence.split(/\s+/).filter((word) => product.tellingStems(word).length > 0);
  const telling = new Set(product.tellingStems(sentence));
  const kept = words.filter((word) => product.tellingStems(word).some((stem) => telling.has(stem)));
  return kept.length >= 3 ? kept.slice(0, 8).join(' ').replaceAll(/[,;]/g, '').toLowerCase() : undefined;
}

function writeFolder(name, functions, textOf, questions) {
  const tree = join(values.out, 'trees', name);
  rmSync(tree, { recursive: true, force: true });
  const paths = new Map();
  functions.forEach((one, number) => {
    const path = namelessFile(number, one.ending);
    paths.set(one, path);
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), `${dedented(textOf(one))}\n`);
  });
  const lines = questions.map(({ kind, text, one }, at) =>
    JSON.stringify({ id: `${name}-${at}`, repo: name, language: 'any', kind, text, path: paths.get(one) }),
  );
  writeFileSync(join(values.out, 'questions', `${name}.jsonl`), `${lines.join('\n')}\n`);
  console.log(`${name}\t${functions.length} functions\t${questions.length} questions`);
}

const byFold = Array.from({ length: folds }, () => []);
for (const { language, name } of repositoriesOf(values.training)) {
  const folder = name.replace('/', '+');
  if (!existsSync(join(values.out, 'questions', `${folder}.jsonl`))) continue;
  const fold = foldOf(folder);
  const all = parsedFiles(join(values.training, folder), language, product).flatMap(functionsOf);
  byFold[fold].push(...sample(all, Number(values['per-repository']), seeded(fold + 1)));
}
for (const [fold, functions] of byFold.entries()) {
  const random = seeded(fold + 1);
  const most = Number(values.questions);
  const said = functions.map((one) => ({ one, text: one.doc && firstSentence(one.doc) })).filter(({ text }) => text);
  const docs = unique(said.map((question) => ({ ...question, kind: 'alone-doc' })));
  const topics = unique(
    said.map(({ one, text }) => ({ one, kind: 'alone-topic', text: topicOf(text) })).filter(({ text }) => text),
  );
  const bareOnes = [...sample(docs, most, random), ...sample(topics, most, random)];
  writeFolder(`alone-${fold}-bare`, functions, ({ bare }) => bare, bareOnes);
  const nameless = ({ name, whole }) => whole.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), noName);
  const documented = functions.filter(({ doc }) => doc !== '');
  const names = documented
    .map((one) => ({ one, words: wordsOf(one.name) }))
    .filter(({ words }) => words.length >= 3)
    .map(({ one, words }) => ({ one, kind: 'alone-name', text: words.join(' ') }));
  writeFolder(`alone-${fold}-nameless`, functions, nameless, sample(unique(names), most, random));
}
