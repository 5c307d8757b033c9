/**
 * Pairs (first sentence of a documentation comment -> the block below it, without that comment), found by layout alone:
 * a comment, directly above a line that opens a block, which ends where the indentation returns. Crude, but the same for
 * nineteen languages, and good enough to choose between variants of a model.
 */

const slashes = /^\s*\/\/[/!]?\s?(.*)$/;
const hash = /^\s*#\s(.*)$/;
const dashes = /^\s*---?\s?\|?(.*)$/;
const lineComments = { ruby: hash, bash: hash, elixir: hash, lua: dashes, haskell: dashes };
const annotation = /^\s*(?:@\w|#\[|\[[A-Z])/;
const notAboutCode = /copyright|licen[cs]e|todo|fixme|eslint|pylint|noqa|@\w+|https?:|generated/i;

function sentenceOf(lines) {
  const text = lines
    .map((line) => line.replace(/^\s*\*+\/?\s?/, '').trim())
    .join('\n')
    .trim()
    .split(/\n\s*\n|\n\s*[@:\\-]/)[0]
    .replace(/\{@\w+ ([^}]*)\}|<[^>]*>/g, '$1')
    .replace(/\s+/g, ' ');
  return text.split(/(?<=[.!?])\s/)[0];
}

const indentOf = (line) => line.length - line.trimStart().length;

/** @returns the index of the first line after the block that `start` opens */
function endOfBlock(lines, start) {
  const indent = indentOf(lines[start]);
  for (let i = start + 1; i < Math.min(lines.length, start + 120); i++) {
    const line = lines[i];
    if (line.trim() === '' || indentOf(line) > indent) {
      continue;
    }
    const trimmed = line.trim();
    if (/^[)\]{]|^where\b/.test(trimmed)) {
      continue;
    }
    return /^[}]|^end\b/.test(trimmed) ? i + 1 : i;
  }
  return Math.min(lines.length, start + 120);
}

/** @returns { doc: comment lines, next: line index after the comment } or undefined */
function commentAt(lines, start, lineComment) {
  const doc = [];
  if (/^\s*\/\*\*/.test(lines[start])) {
    for (let i = start; i < lines.length; i++) {
      doc.push(lines[i].replace(/^\s*\/\*\*/, '').replace(/\*\/.*$/, ''));
      if (lines[i].includes('*/')) {
        return { doc, next: i + 1 };
      }
    }
    return undefined;
  }
  let i = start;
  for (; i < lines.length; i++) {
    const match = annotation.test(lines[i]) ? null : lineComment.exec(lines[i]);
    if (match === null) {
      break;
    }
    doc.push(match[1]);
  }
  return doc.length === 0 ? undefined : { doc, next: i };
}

function pythonPair(lines, start) {
  let header = start;
  while (header < start + 12 && header < lines.length && !/:\s*(#.*)?$/.test(lines[header])) {
    header++;
  }
  const first = header + 1;
  const opening = /^\s*[rbu]*("""|''')(.*)$/.exec(lines[first] ?? '');
  if (opening === null) {
    return undefined;
  }
  const [, quote, rest] = opening;
  const doc = [rest];
  let last = first;
  while (!doc.at(-1).includes(quote) && last + 1 < lines.length) {
    last++;
    doc.push(lines[last]);
  }
  doc[doc.length - 1] = doc.at(-1).split(quote)[0];
  const end = endOfBlock(lines, start);
  return { doc, code: [...lines.slice(start, first), ...lines.slice(last + 1, end)] };
}

function* documentedBlocks(text, language) {
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    if (language === 'python') {
      const pair = /^\s*(async\s+)?def\s/.test(lines[i]) ? pythonPair(lines, i) : undefined;
      if (pair !== undefined) {
        yield pair;
      }
      continue;
    }
    const comment = commentAt(lines, i, lineComments[language] ?? slashes);
    if (comment === undefined) {
      continue;
    }
    let header = comment.next;
    while (header < lines.length && annotation.test(lines[header])) {
      header++;
    }
    i = comment.next - 1;
    if (header < lines.length && lines[header].trim() !== '') {
      yield { doc: comment.doc, code: lines.slice(comment.next, endOfBlock(lines, header)) };
    }
  }
}

/**
 * @param text a source file
 * @returns an array of { query, code }
 */
export function pairsOf(text, language) {
  const pairs = [];
  for (const { doc, code } of documentedBlocks(text, language)) {
    // Go's documentation repeats the name first, which would make the task a search for that name.
    const query = language === 'go' ? sentenceOf(doc).replace(/^\w+\s/, '') : sentenceOf(doc);
    const words = query.split(' ').length;
    if (words >= 4 && words <= 40 && code.length >= 4 && !notAboutCode.test(query)) {
      pairs.push({ query, code: code.join('\n').slice(0, 2000) });
    }
  }
  return pairs;
}
