/**
 * How the instant lane reads text, in JavaScript: the recipe counts with it. The engine has the same rules in
 * `native/engine/src/embed/words.rs`; a test of the server's inference room compares the two.
 *
 * A word is a run of letters and digits, cut where the case rises (`readFile`), where a run of capitals ends
 * (`HTTPServer`) and between letters and digits. Words are lower-cased, their accents removed, and cut into the longest
 * pieces of the vocabulary from the left; a word that cannot be cut that way is left out.
 */

const longestWord = 64;
const runs = /[\p{Alphabetic}\p{N}\u0300-\u036f]+/gv;
const lower = String.raw`[\p{Alphabetic}--\p{Uppercase}]`;
const parts = new RegExp(String.raw`\p{Uppercase}+(?!${lower})|\p{Uppercase}?${lower}+|[\p{N}--\p{Alphabetic}]+`, 'gv');

/** The base letter for the accented ones of Latin-1 and Latin Extended-A; combining accents go. */
function withoutAccents(text) {
  return text.replace(/[\u00c0-\u017f]/g, (letter) => letter.normalize('NFD')[0]).replace(/[\u0300-\u036f]/g, '');
}

/** @returns the words of a text, in order */
export function wordsOf(text) {
  const words = [];
  for (const [run] of text.matchAll(runs)) {
    for (const [part] of withoutAccents(run).matchAll(parts)) {
      words.push(part.toLowerCase());
    }
  }
  return words;
}

/** Cuts words into pieces of a WordPiece vocabulary, remembering every word it has seen. */
export class PieceReader {
  #idOf;
  #seen = new Map();

  /** @param vocabulary pieces in the order of their ids; `##` marks a piece that continues a word */
  constructor(vocabulary) {
    this.#idOf = new Map(vocabulary.map((piece, id) => [piece, id]));
  }

  /** @returns ids of the word's pieces; empty when the vocabulary cannot spell it */
  piecesOfWord(word) {
    const known = this.#seen.get(word);
    if (known !== undefined) {
      return known;
    }
    const pieces = this.#cut([...word]);
    this.#seen.set(word, pieces);
    return pieces;
  }

  /** @returns ids of all pieces of a text, in order */
  piecesOf(text) {
    return wordsOf(text).flatMap((word) => this.piecesOfWord(word));
  }

  #cut(letters) {
    if (letters.length > longestWord) {
      return [];
    }
    const pieces = [];
    let start = 0;
    while (start < letters.length) {
      let end = letters.length;
      let id;
      for (; end > start; end--) {
        id = this.#idOf.get((start === 0 ? '' : '##') + letters.slice(start, end).join(''));
        if (id !== undefined) {
          break;
        }
      }
      if (id === undefined) {
        return [];
      }
      pieces.push(id);
      start = end;
    }
    return pieces;
  }
}
