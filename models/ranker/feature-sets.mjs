/** The features that features.mjs wrote, read back for learning. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Names of the signals of a set, in the order of the columns: those of its first file. */
export function signalNamesOf(out, set) {
  const [first] = filesOf(out, set);
  if (first === undefined) throw new Error(`${out} holds no features of ${set}: run features.mjs.`);
  return JSON.parse(readFileSync(first, 'utf8')).names;
}

function filesOf(out, set) {
  const folder = join(out, 'features', set);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => join(folder, file));
}

/**
 * Questions of a set with their candidates: `signals` is row-major, rows x names. A signal that a file does not have, and
 * one that is hidden from the set, is 0.
 */
export function readSet(out, set, names, isHidden = () => false) {
  return filesOf(out, set).flatMap((path) => {
    const head = JSON.parse(readFileSync(path, 'utf8'));
    const numbers = new Float32Array(Uint8Array.from(readFileSync(path.replace(/json$/, 'f32'))).buffer);
    const columns = names.length;
    const places = names.map((name) => (isHidden(name) ? -1 : head.names.indexOf(name)));
    const width = head.names.length;
    const repo = path
      .split(/[/\\]/)
      .at(-1)
      .replace(/\.json$/, '');
    let at = 0;
    return head.questions.map((question) => {
      const { rows } = question;
      const signals = new Float32Array(rows * columns);
      const [answer, fileOf] = [new Float32Array(rows), new Float32Array(rows)];
      for (let row = 0; row < rows; row++, at += width + 2) {
        for (let column = 0; column < columns; column++) {
          signals[row * columns + column] = places[column] < 0 ? 0 : numbers[at + places[column]];
        }
        answer[row] = question.answers === 1 ? Math.min(1, numbers[at + width]) : numbers[at + width];
        fileOf[row] = numbers[at + width + 1];
      }
      return { ...question, set, repo, signals, answer, file: fileOf };
    });
  });
}

/** Which weights a question has; the product goes from one to the other between 0 and 1 of `alone`. */
export function partOf({ kind, alone }) {
  if (kind === 'symbol' || kind === 'code') return kind;
  if (alone > 0.5) return 'alone';
  return kind === 'description' ? kind : 'words';
}
