/** Words of identifiers and sentences in the form in which they are compared here: lower case, without endings. */

/** Words that carry no meaning in a question about code. */
const empty = new Set(
  'a an and are as at be by can do does for from get has have how i if in into is it its not of on or set that the their then this to use used uses using was what when where whether which who why will with'.split(
    ' ',
  ),
);
const shortestEnding = 4;
/** A word and its beginning are taken for the same from this many letters on: `config`, `configuration`. */
const shortestBeginning = 4;
const beginningCounts = 0.7;
/** `HTTP` of `HTTPServer`, `Server`, `get`, `42`, and words of scripts without case. */
const wordInIdentifier =
  /\p{Lu}+(?!\p{Ll})(?=\p{Lu}\p{Ll}|\P{L}|$)|\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}\p{Lm}\p{Lt}]+|\p{Lu}+|\p{N}+/gu;

/** A word of a text with the place it stands at, UTF-16 code units, `end` exclusive. */
export interface PlacedWord {
  word: string;
  start: number;
  end: number;
}

/** The words of {@link splitWords}, in order, with their places. */
export function placedWords(text: string): PlacedWord[] {
  return Array.from(text.matchAll(wordInIdentifier), ({ 0: word, index }) => ({
    word: word.toLowerCase(),
    start: index,
    end: index + word.length,
  }));
}

/** Words at changes of case, digits and everything that is no letter: `parseHTTPBody2` gives parse, http, body, 2. */
export function splitWords(text: string): string[] {
  return splitAscii(text) ?? splitUnicode(text);
}

function splitUnicode(text: string): string[] {
  return text
    .replaceAll(/(?<=\p{Ll}|\p{N})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})|(?<=\p{L})(?=\p{N})/gu, ' ')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

const [other, lower, upper, digit] = [0, 1, 2, 3];
const asciiKinds = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[a-z]/u.test(character)) return lower;
  if (/[A-Z]/u.test(character)) return upper;
  return /\d/u.test(character) ? digit : other;
});

/** The same for ASCII, several times as fast: a query looks at the names of hundreds of chunks. None for other texts. */
function splitAscii(text: string): string[] | undefined {
  const words: string[] = [];
  let [start, before] = [0, other];
  for (let at = 0; at < text.length; at++) {
    const kind = asciiKinds[text.charCodeAt(at)];
    if (kind === undefined) return undefined;
    const begins =
      kind === upper
        ? before !== upper || asciiKinds[text.charCodeAt(at + 1)] === lower
        : kind === digit
          ? before !== digit
          : kind === other || before === other;
    if (begins) {
      if (before !== other) words.push(text.slice(start, at).toLowerCase());
      start = at;
    }
    before = kind;
  }
  if (before !== other) words.push(text.slice(start).toLowerCase());
  return words;
}

/** Stems of words seen lately: code says the same few thousand words again and again. */
const knownStems = new Map<string, string>();
const mostKnownStems = 20_000;

/** Harman's S-stemmer ("How effective is suffixing?", JASIS 1991), and the endings of verbs and of what they make. */
export function stemOf(word: string): string {
  if (word.length < shortestEnding) return word;
  const known = knownStems.get(word);
  if (known !== undefined) return known;
  if (knownStems.size >= mostKnownStems) knownStems.clear();
  const stem = withoutEndings(word);
  knownStems.set(word, stem);
  return stem;
}

function withoutEndings(word: string): string {
  return word
    .replace(/(?<=\p{L}{2})ies$/u, 'y')
    .replace(/(?<=\p{L}{2}(?:ss|x|sh|ch))es$/u, '')
    .replace(/(?<=\p{L}{2}[^su])s$/u, '')
    .replace(/(?<=\p{L}{3})(?:ations?|ators?)$/u, 'at')
    .replace(/(?<=\p{L}{3})(?:ing|ed|ion|ment|ly)$/u, '')
    .replace(/(?<=\p{L}{3})(?:er|or)$/u, '')
    .replace(/(\p{L})\1$/u, '$1')
    .replace(/(?<=\p{L}{3})e$/u, '');
}

/** Stems of a text's words, each once. */
export function stemsOf(text: string): string[] {
  return [...new Set(splitWords(text).map(stemOf))];
}

/** The same without words that carry no meaning, unless nothing else is there. */
export function tellingStems(text: string): string[] {
  const words = splitWords(text);
  const telling = words.filter((word) => !empty.has(word));
  return [...new Set((telling.length === 0 ? words : telling).map(stemOf))];
}

/** Share of `words` that `among` has; a word's beginning counts a part. */
export function shareOf(words: readonly string[], among: readonly string[]): number {
  if (words.length === 0) return 0;
  const known = new Set(among);
  const found = words.map((word) =>
    known.has(word) ? 1 : among.some((other) => begins(word, other)) ? beginningCounts : 0,
  );
  return found.reduce<number>((sum, value) => sum + value, 0) / words.length;
}

function begins(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length >= shortestBeginning && long.startsWith(short);
}
