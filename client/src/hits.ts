/** Search hits as rows of a list: order over several folders, and the text of each row. */
import type { SearchHit, SimilarHit } from '../../protocol/search.ts';

/** A workspace folder as the client knows it. */
export interface Folder {
  name: string;
  /** Absolute path. */
  path: string;
}

export interface PlacedHit {
  folder: Folder;
  /** With what it was found out to be, when it answers a search for similar code. */
  hit: SearchHit & Partial<Pick<SimilarHit, 'similarity' | 'marks'>>;
}

/** The text of one row, icon syntax escaped. */
export interface HitRow {
  label: string;
  description: string;
  detail: string;
  /** Id of a codicon. */
  icon: string;
}

const detailLength = 180;
const labelLength = 100;
const shownLines = 4;

/** Codicons by the words chunk kinds are made of; the first match wins. */
const icons: readonly (readonly [RegExp, string])[] = [
  [/constructor|method/, 'symbol-method'],
  [/function|macro|procedure/, 'symbol-function'],
  [/interface|trait|protocol/, 'symbol-interface'],
  [/enum/, 'symbol-enum'],
  [/struct|record|union/, 'symbol-structure'],
  [/class|object|impl|type/, 'symbol-class'],
  [/module|namespace|package/, 'symbol-namespace'],
  [/section|heading|document/, 'symbol-string'],
  [/constant|const/, 'symbol-constant'],
  [/variable|field|property|key/, 'symbol-property'],
  [/table|view|query/, 'database'],
];

/**
 * Merges the ranked lists of several folders: all first places in folder order, then all second places, and so on.
 * Scores of different indexes do not compare, ranks do.
 */
export function interleave<T>(lists: readonly (readonly T[])[], limit: number): T[] {
  const merged: T[] = [];
  const longest = Math.max(0, ...lists.map((list) => list.length));
  for (let rank = 0; rank < longest && merged.length < limit; rank++) {
    for (const list of lists) {
      const item = list[rank];
      if (item !== undefined && merged.length < limit) {
        merged.push(item);
      }
    }
  }
  return merged;
}

/** VS Code draws `$(name)` in labels as an icon; code may contain it (shell, templates), so it is escaped. */
export function escapeIcons(text: string): string {
  return text.replaceAll(/\$\((?=[A-Za-z0-9-]+(?:~[A-Za-z]+)?\))/g, '\\$(');
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).trimEnd()}…`;
}

/** A line that says something: more than brackets and comment marks. */
function speaks(line: string): boolean {
  return /[\p{L}\p{N}]/u.test(line);
}

function snippetLines(snippet: string): string[] {
  return snippet
    .split(/\r?\n/)
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .filter(speaks);
}

/** Id of the codicon for a chunk's kind. */
export function iconOf(kind: string): string {
  const lower = kind.toLowerCase();
  return icons.find(([pattern]) => pattern.test(lower))?.[1] ?? 'code';
}

/** What stands beside a hit's place: `near-clone 92%`, `overload`, `test of this`, `4 similar`. */
export function notesOn({ similarity = 0, marks = [], folded = [] }: PlacedHit['hit']): string[] {
  const texts = marks.map((mark) => {
    if (mark === 'test') {
      return 'test of this';
    }
    return mark === 'near-clone' ? `near-clone ${String(Math.floor(similarity * 100))}%` : mark;
  });
  return folded.length === 0 ? texts : [...texts, `${String(folded.length)} similar`];
}

/** Lines of the snippet from the first that holds something of the query. */
function matchingLines({ snippet, snippetLine, highlights }: SearchHit): string {
  const first = highlights[0]?.line ?? snippetLine;
  const lines = snippet.split('\n');
  // The first lines say what it is: they are left out only where what matched is further down.
  return first - snippetLine < shownLines ? snippet : lines.slice(first - snippetLine).join('\n');
}

/** The row of one hit; the folder's name is shown when there are several. */
export function hitRow(placed: PlacedHit, severalFolders: boolean): HitRow {
  const { hit, folder } = placed;
  const lines = snippetLines(hit.snippet);
  const [first = hit.path] = lines;
  const place = [`${hit.path}:${String(hit.startLine)}`, ...notesOn(hit)].join(' • ');
  const telling = snippetLines(matchingLines(hit));
  const shown = hit.symbol === '' && telling[0] === first ? telling.slice(1) : telling;
  return {
    label: escapeIcons(shorten(hit.symbol === '' ? first : hit.symbol, labelLength)),
    description: escapeIcons(severalFolders ? `${folder.name} • ${place}` : place),
    detail: escapeIcons(shorten(shown.slice(0, shownLines).join('  '), detailLength)),
    icon: iconOf(hit.kind),
  };
}
