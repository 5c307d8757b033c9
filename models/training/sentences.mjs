/** Sentences of documentation comments that describe code, and names as words. */

const notAboutCode =
  /copyright|licen[cs]e|todo|fixme|xxx:|eslint|pylint|noqa|rubocop|https?:|generated|deprecated|see also|inheritdoc|@inherit|swiftlint|ktlint|clang-format|nolint|type: ignore/i;
const sectionStart =
  /^\s*(?:@\w|:\w+[^:]*:|\\\w+|(?:args|arguments|parameters?|params|returns?|raises|yields|examples?|usage|notes?|see also|throws|errors|safety|panics|since|warning|options|attributes)\b\s*:?\s*$|#{1,6} |```|~~~|>>>|\.\. |[-=*~]{3,}|\* |- |\d+\. |\|)/i;

/** Plain words of a piece of markup. */
function plain(text) {
  return text
    .replaceAll(/\{@\w+ ([^}]*)\}/g, '$1')
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/\[([^\]]*)\](?:\[[^\]]*\])?/g, '$1')
    .replaceAll(/:\w+:`~?([^`]*)`/g, '$1')
    .replaceAll(/<\/?[a-zA-Z][^>]{0,80}>/g, ' ')
    .replaceAll(/[`*]+/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** Whether a sentence can stand as a question to a repository. */
function isQuestion(sentence) {
  const words = sentence.split(' ');
  const letters = sentence.replaceAll(/[^A-Za-z ]/g, '').length;
  return words.length >= 3 && words.length <= 40 && letters >= 0.8 * sentence.length && !notAboutCode.test(sentence);
}

/**
 * The sentences of a documentation comment before its first tag, list or example.
 *
 * @param doc the comment's text without markers
 * @param name of what is documented: repeated at the beginning, as in Go, it is left out
 */
export function sentencesOf(doc, name = '') {
  const lines = doc.split('\n');
  const end = lines.findIndex((line, index) => sectionStart.test(line) && (index > 0 || !/^\s*\\/.test(line)));
  const paragraphs = (end === -1 ? lines : lines.slice(0, end)).join('\n').split(/\n\s*\n/);
  return paragraphs
    .flatMap((paragraph) => plain(paragraph).split(/(?<=[a-z)\d][.!?])\s+(?=[A-Z])/))
    .map((sentence) => {
      const bare = sentence.replace(/[\s.:;,]+$/, '');
      return name !== '' && bare.startsWith(`${name} `) ? bare.slice(name.length + 1) : bare;
    })
    .filter(isQuestion);
}

/** The words of a name, lower-cased: split at case, digits and everything that is no letter. */
export function wordsOfName(name) {
  return name
    .replaceAll(/(?<=\p{Ll}|\p{N})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu, ' ')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}
