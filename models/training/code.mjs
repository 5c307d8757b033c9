/** A chunk's code without its documentation. */

const marker =
  /^\s*(?:\/\*+!?|\*+\/?|\/\/[/!]?|#+|--+|'''|[rR]?"""|<!--|-->|\{-\|?|-\}|~?[sS]"""|@(?:module)?doc\s.*""")\s*$/;

/** First and last index of the documentation in the lines of a chunk, its markers included; undefined when it has none. */
function docRange(lines, doc, bareCommentLine) {
  const known = new Set(doc.split('\n').filter((line) => line.length > 2));
  const hits = lines.flatMap((line, index) => (known.has(bareCommentLine(line)) ? [index] : []));
  if (hits.length === 0) {
    return undefined;
  }
  let [first, last] = [hits[0], hits.at(-1)];
  while (first > 0 && marker.test(lines[first - 1])) {
    first--;
  }
  while (last + 1 < lines.length && marker.test(lines[last + 1])) {
    last++;
  }
  return [first, last];
}

/**
 * @param bareCommentLine of the server's comment-text.ts
 * @returns { lines, text, docRange } of what is left; docRange: indices into the chunk's lines, or undefined
 */
export function codeOf(chunk, bareCommentLine) {
  const all = chunk.text.split('\n');
  const range = chunk.doc === '' ? undefined : docRange(all, chunk.doc, bareCommentLine);
  const lines = range === undefined ? all : [...all.slice(0, range[0]), ...all.slice(range[1] + 1)];
  return { lines, text: lines.join('\n'), docRange: range };
}
