/**
 * Questions to the training repositories with known answers, for rankers: `OUT/owner+name.jsonl`, a JSON object per line
 * `{ query, kind, path, start, end, docStart?, docEnd? }`; lines are 1-based and inclusive.
 *
 *   node models/training/questions.mjs --checkouts FOLDER --extracted FOLDER --exclusions FILE --out FOLDER [--most N]
 *
 * Kinds: `doc`, the first sentence of a chunk's documentation (lines docStart to docEnd, to be blanked out before the
 * repository is searched); `name`, the words of a chunk's name; `header`, the first sentence of a file's header comment
 * (likewise docStart to docEnd; start and end are the whole file). Answers are not tests. A question that stands twice in a
 * repository, or in the evaluation data, is left out, and so is code that stands there.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { headerOf } from './header.mjs';

const shares = { doc: 0.6, name: 0.25, header: 0.15 };
const testPath = /(?:^|[/_.-])(?:tests?|specs?|examples?|benchmarks?|docs?|samples?)(?:[/_.-]|$)|Tests?\.\w+$/i;

const { values: options } = parseArgs({
  options: {
    checkouts: { type: 'string' },
    extracted: { type: 'string' },
    exclusions: { type: 'string' },
    out: { type: 'string' },
    most: { type: 'string', default: '300' },
  },
});
const { checkouts, extracted, exclusions, out } = options;
if ([checkouts, extracted, exclusions, out].includes(undefined)) {
  console.error('usage: node questions.mjs --checkouts FOLDER --extracted FOLDER --exclusions FILE --out FOLDER');
  process.exit(2);
}
const excluded = new Set(readFileSync(exclusions, 'utf8').split('\n'));

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

function* candidates(repository, records) {
  for (const record of records) {
    const { path, start, end, docStart, docEnd, hash } = record;
    if (testPath.test(path) || record.kind === 'test' || excluded.has(`code ${hash}`)) {
      continue;
    }
    if (record.header !== undefined) {
      const text = readFileSync(join(checkouts, repository, path), 'utf8');
      const header = headerOf(text);
      if (header !== undefined) {
        const span = { start: 1, end: text.trimEnd().split('\n').length, docStart: header.start, docEnd: header.end };
        yield { query: record.header[0], kind: 'header', path, ...span };
      }
    } else if (record.plain !== undefined) {
      if (record.sentences.length > 0) {
        yield { query: record.sentences[0], kind: 'doc', path, start, end, docStart, docEnd };
      }
      if (record.name.split(' ').length >= 2) {
        yield { query: record.name, kind: 'name', path, start, end };
      }
    }
  }
}

/** Up to the wanted number, by the shares of the kinds as far as there are enough of each. */
function choose(found, random) {
  const times = new Map();
  for (const { query } of found) {
    const folded = query.toLowerCase();
    times.set(folded, (times.get(folded) ?? 0) + 1);
  }
  const single = found.filter(({ query }) => {
    const folded = query.toLowerCase();
    return times.get(folded) === 1 && !excluded.has(`query ${folded}`);
  });
  return Object.entries(shares).flatMap(([kind, share]) =>
    single
      .filter((question) => question.kind === kind)
      .map((question) => ({ question, chance: random() }))
      .sort((a, b) => a.chance - b.chance)
      .slice(0, Math.round(share * Number(options.most)))
      .map(({ question }) => question),
  );
}

mkdirSync(out, { recursive: true });
let count = 0;
for (const line of readFileSync(join(checkouts, 'READY'), 'utf8').trim().split('\n')) {
  const repository = line.split('\t')[1].replace('/', '+');
  const file = join(extracted, `${repository}.jsonl`);
  if (!existsSync(file)) {
    console.error(`${repository}: not extracted`);
    continue;
  }
  const records = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((record) => JSON.parse(record));
  const questions = choose([...candidates(repository, records)], seeded(1));
  writeFileSync(
    join(out, `${repository}.jsonl`),
    questions.map((question) => `${JSON.stringify(question)}\n`).join(''),
  );
  count += questions.length;
}
console.log(`${count} questions`);
