const header =
  /^(?:#!.*\n|<\?php\s*|\s)*?(\/\*[\s\S]*?\*\/|(?:[ \t]*(?:\/\/|#(?!!)|--|;).*\n)+|[rR]?"""[\s\S]*?"""|\{-[\s\S]*?-\})/;

/** The comment a source file begins with: its text with markers, its first and last line (from 1); or undefined. */
export function headerOf(text) {
  const match = header.exec(text);
  if (match === null) {
    return undefined;
  }
  const comment = match[1].trimEnd();
  const start = text.slice(0, match.index + match[0].length - match[1].length).split('\n').length;
  return { comment, start, end: start + comment.split('\n').length - 1 };
}
