/** Search hits as rows of a list: order over several folders, and the text of each row. */
import type { SearchHit } from '../../protocol/search.ts';

/** A workspace folder as the client knows it. */
export interface Folder {
  name: string;
  /** Absolute path. */
  path: string;
}

export interface PlacedHit {
  folder: Folder;
  hit: SearchHit;
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

/** A hit this far behind the best one, as a share of its score, is not similar to the same thing. */
const nearestShare = 0.5;

/** The hits, best first, that are not far behind the best one. */
export function closeToBest(hits: readonly SearchHit[]): SearchHit[] {
  const best = hits[0]?.score ?? 0;
  return hits.filter((hit) => hit.score >= best * nearestShare);
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

/** The row of one hit; the folder's name is shown when there are several. */
export function hitRow(placed: PlacedHit, severalFolders: boolean): HitRow {
  const { hit, folder } = placed;
  const lines = snippetLines(hit.snippet);
  const [first = hit.path] = lines;
  const place = `${hit.path}:${String(hit.startLine)}`;
  const shown = hit.symbol === '' ? lines.slice(1) : lines;
  return {
    label: escapeIcons(shorten(hit.symbol === '' ? first : hit.symbol, labelLength)),
    description: escapeIcons(severalFolders ? `${folder.name} • ${place}` : place),
    detail: escapeIcons(shorten(shown.slice(0, 4).join('  '), detailLength)),
    icon: iconOf(hit.kind),
  };
}
