/**
 * Opening and continuing comment markers of all languages read here. Applied only to text that is known to be a comment
 * or a docstring.
 */
const opening =
  /^\s*(?:\/\*[*!]?|\/\/[/!]?|<!--|\{-+\s?\|?|--\[=*\[|--+\s?[|^]?|#[|!:]?|;+|%+|[rRbBuUfF]{0,2}(?:"""|''')|~[sS]?""")/u;
const continuing = /^\s*(?:\*(?!\/)|#+|\/\/[/!]?|--+|;+)(?=\s|$)/u;
const closing = /(?:\*+\/|-->|-\}|\]=*\]|"""|''')\s*$/u;
/** Tags of C# documentation comments. */
const documentTags = /<\/?(?:summary|remarks|para|returns|value|example|exception|param|typeparam|c|code)>/gu;
const parameterTag = /<(?:param|typeparam) name="(\w+)">/gu;
const rule = /^[^\p{L}\p{N}]*$/u;

/** One line of a comment without its markers and outer white space; empty for lines that are only decoration. */
export function bareCommentLine(line: string): string {
  let text = line.trim().replace(closing, '');
  text = opening.test(text) ? text.replace(opening, '') : text.replace(continuing, '');
  text = text.replaceAll(documentTags, '').replaceAll(parameterTag, '$1: ').trim();
  return rule.test(text) ? '' : text;
}

/** The text of a comment or docstring without markers, decoration and outer blank lines. */
export function commentText(comment: string): string {
  return comment
    .split('\n')
    .map(bareCommentLine)
    .join('\n')
    .replaceAll(/\n{3,}/gu, '\n\n')
    .trim();
}
