/**
 * The questions of one repository about itself, and its files without what would give the answer away.
 *
 * Six kinds, each with what answers it:
 * - `doc`: first sentence of a function's documentation -> the function. Its documentation is blanked out.
 * - `class`: first sentence of the documentation of a class or type -> its file. That documentation is blanked out.
 * - `header`: first sentence of the comment at the top of a file -> the file. That comment is blanked out.
 * - `test`: name of a test as words -> the file whose name the test's file is made from; the test stays, it is no answer.
 * - `name`: name of a function or class as words -> its file.
 * - `symbol`: name of a class or function that is defined once -> its file.
 */
import { basename } from 'node:path';
import { seeded } from './sources.mjs';

/** Questions of a kind, at most. */
const most = { doc: 45, class: 25, header: 25, test: 25, name: 12, symbol: 12 };
const licence = /copyright|licen[cs]e|spdx|all rights reserved|\bauthors?\b|eslint|@ts-|coding:|shellcheck|-\*-/i;
const commentStart =
  /^\s*(?:\/\*|\/\/|#(?!\s*(?:include|define|if|pragma|!|import|region))|--|"""|'''|;;|\{-|\(\*|r""")/;
const sections =
  /^(?:args?|arguments|params?|parameters|returns?|raises|throws|examples?|notes?|see|usage|todo|fixme|since|deprecated|@|\\|:param)/i;

/** The first sentence of a documentation, or nothing where it is no question: too short, too long, a tag, a table. */
export function firstSentence(doc) {
  const text = doc
    .split(/\n\s*\n|\n(?=\s*[-*@:\\])/)[0]
    .replaceAll(/<[^>]+>|\{@\w+\s+([^}]*)\}|[`*]/g, '$1')
    .replaceAll('undefined', '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const sentence = /^(.+?[.!?])(?:\s|$)/.exec(text)?.[1] ?? text;
  const bare = sentence.replace(/[.!?:]+$/, '').trim();
  const words = bare.split(' ').length;
  const plain = bare.replaceAll(/[^A-Za-z ]/g, '').length / Math.max(1, bare.length);
  if (words < 4 || words > 28 || plain < 0.85 || sections.test(bare) || licence.test(bare)) return undefined;
  return bare;
}

/** Words of an identifier. */
export function wordsOf(name) {
  return name
    .replaceAll(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3 $2')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}

export const isTest = (path) =>
  /(?:^|\/)(?:tests?|__tests__|specs?|testing)\/|(?:^|\/)test_|[._-](?:test|spec)s?\.|(?:Tests?|Specs?)\.[a-z]+$/.test(
    path,
  );

/** `session` for `test_session.py`, `session.spec.ts`, `SessionTest.java`, `session_test.go`. */
function testedStem(path) {
  const stem = basename(path).replace(/\.[a-z]+$/, '');
  const bare = stem.replace(/^test[-_]/i, '').replace(/(?:[-_.](?:tests?|specs?)|Tests?|Specs?)$/, '');
  return bare === stem || bare === '' ? undefined : bare.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Lines of the comment that a file begins with, licence headers and shebangs apart: `{ first, last, text }`. */
function headerOf(lines, bareCommentLine) {
  let first = lines.findIndex((line) => line.trim() !== '' && !/^#!|^<\?php|^'use strict'|^"use strict"/.test(line));
  for (let blocks = 0; blocks < 3 && first >= 0 && commentStart.test(lines[first]); blocks++) {
    let last = first;
    const opening = /^\s*(?:r?("""|''')|(\/\*)|(\{-))/.exec(lines[first]);
    if (opening) {
      const end = opening[1] ?? (opening[2] ? '*/' : '-}');
      const closes = (at) => lines[at].slice(at === first ? opening[0].length : 0).includes(end);
      while (last < lines.length - 1 && last - first < 80 && !closes(last)) last++;
    } else {
      while (last < lines.length - 1 && lines[last + 1].trim() !== '' && commentStart.test(lines[last + 1])) last++;
    }
    const text = lines
      .slice(first, last + 1)
      .map(bareCommentLine)
      .join('\n')
      .trim();
    if (!licence.test(text)) return { first, last, text };
    const next = lines.slice(last + 1).findIndex((line) => line.trim() !== '');
    first = next < 0 ? -1 : last + 1 + next;
  }
  return undefined;
}

/** Up to `count` of a list, by chance. */
export function sample(list, count, random) {
  return list
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ item }) => item);
}

/**
 * @param files `{ path, text, chunks }`
 * @param stripAll whether the documentation of all functions is blanked out, not only of those that are asked for
 * @param times how many times the usual number of questions
 * @returns `{ questions, texts }`: `{ kind, text, path, span? }`, and the changed texts by path
 */
export function makeQuestions(files, bareCommentLine, { seed, stripAll, times }) {
  const random = seeded(seed);
  const found = { doc: [], header: [], test: [], name: [], symbol: [], class: [] };
  const stems = new Map();
  for (const { path } of files) {
    if (isTest(path)) continue;
    const stem = basename(path)
      .replace(/\.[a-z]+$/, '')
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, '');
    stems.set(stem, stems.has(stem) ? undefined : path);
  }
  const definitions = new Map();
  for (const file of files) {
    const lines = file.text.split('\n');
    const header = isTest(file.path) ? undefined : headerOf(lines, bareCommentLine);
    const sentence = header && firstSentence(header.text);
    if (sentence) found.header.push({ kind: 'header', text: sentence, path: file.path, blank: header });
    for (const chunk of file.chunks) {
      const name = chunk.symbol.split(',')[0].split('.').at(-1);
      const words = wordsOf(name);
      if (isTest(file.path)) {
        const tested = stems.get(testedStem(file.path) ?? '');
        const said = words.filter((word) => !/^(?:tests?|it|should|spec)$/.test(word));
        if (tested && said.length >= 3 && said.length <= 12)
          found.test.push({ kind: 'test', text: said.join(' '), path: tested });
        continue;
      }
      const span = [chunk.startLine, chunk.endLine];
      if (chunk.kind === 'function' || chunk.kind === 'method') {
        const doc = chunk.doc && firstSentence(chunk.doc);
        if (doc && chunk.endLine - chunk.startLine >= 3)
          found.doc.push({ kind: 'doc', text: doc, path: file.path, span });
        if (words.length >= 3) found.name.push({ kind: 'name', text: words.join(' '), path: file.path, span });
      }
      if (chunk.kind === 'class' || chunk.kind === 'type') {
        const doc = chunk.doc && firstSentence(chunk.doc);
        if (doc && chunk.endLine - chunk.startLine >= 3)
          found.class.push({ kind: 'class', text: doc, path: file.path, span });
      }
      if (
        /^(?:class|type|function)$/.test(chunk.kind) &&
        /^[A-Za-z_]\w{3,}$/.test(name) &&
        !chunk.symbol.includes(',')
      ) {
        definitions.set(name, definitions.has(name) ? undefined : { kind: 'symbol', text: name, path: file.path });
      }
    }
  }
  found.symbol = [...definitions.values()].filter((question) => question !== undefined);
  const questions = Object.entries(found).flatMap(([kind, list]) => sample(unique(list), most[kind] * times, random));
  return { questions, texts: blanked(files, questions, bareCommentLine, stripAll) };
}

/** Questions whose text has one answer only. */
export function unique(list) {
  const times = new Map();
  for (const { text } of list) times.set(text, (times.get(text) ?? 0) + 1);
  return list.filter(({ text }) => times.get(text) === 1);
}

/** Kinds that are answered by the documentation of what they ask for. */
const blanks = new Set(['doc', 'class']);

/** The files with documentation that answers blanked out; line numbers stay. */
function blanked(files, questions, bareCommentLine, stripAll) {
  const texts = new Map();
  for (const { path, text, chunks } of files) {
    const asked = questions.filter((question) => question.path === path);
    const lines = text.split('\n');
    for (const { blank } of asked) if (blank) for (let at = blank.first; at <= blank.last; at++) lines[at] = '';
    for (const chunk of chunks) {
      const isAsked = asked.some(
        ({ kind, span }) => blanks.has(kind) && span[0] === chunk.startLine && span[1] === chunk.endLine,
      );
      const isFunction = chunk.kind === 'function' || chunk.kind === 'method';
      if (chunk.doc === '' || !(isAsked || (stripAll && isFunction))) continue;
      const doc = new Set(chunk.doc.split('\n').filter((line) => line.trim().length > 2));
      for (let at = chunk.startLine - 1; at < chunk.endLine; at++) {
        if (doc.has(bareCommentLine(lines[at]))) lines[at] = '';
      }
    }
    if (lines.join('\n') !== text) texts.set(path, lines.join('\n'));
  }
  return texts;
}
