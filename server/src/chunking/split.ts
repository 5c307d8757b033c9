import type { SourceLines } from './source-lines.ts';
import { noBorder } from './statement-borders.ts';

/** A piece of code up to this size stays whole. */
export const wholeLines = 60;
export const wholeCharacters = 2400;

const overlapRows = 3;
const overlapCharacters = 250;
/** Of a full part: what a part should reach, so that the last one is not a stump. */
const targetFill = 0.8;

export interface RowSpan {
  first: number;
  last: number;
}

/** Size of rows relative to what one chunk may hold: at 1 or less, neither lines nor characters are too many. */
function fill(lines: SourceLines, first: number, last: number): number {
  let sum = 0;
  for (let row = first; row <= last; row++) {
    sum += Math.max(1 / wholeLines, lines.characters(row, row) / wholeCharacters);
  }
  return sum;
}

/**
 * Cuts rows that are too many for one chunk into parts of similar size, at rows where an outer statement begins,
 * preferably after a blank row and not between a comment and what it describes.
 *
 * @param depths {@link statementDepths} of the file.
 * @param overlap whether a part begins with the last rows of the one before.
 */
export function splitRows(lines: SourceLines, depths: Uint8Array, whole: RowSpan, overlap: boolean): RowSpan[] {
  const parts: RowSpan[] = [];
  let start = whole.first;
  while (start <= whole.last) {
    const cut = nextCut(lines, depths, start, whole.last);
    const first = overlap && parts.length > 0 ? overlapStart(lines, start, parts.at(-1)?.first ?? start) : start;
    const span = lines.trim(first, cut - 1);
    if (span !== undefined) parts.push(span);
    start = cut;
  }
  return parts;
}

/** First row after the part that begins at `start`. */
function nextCut(lines: SourceLines, depths: Uint8Array, start: number, last: number): number {
  const total = fill(lines, start, last);
  if (total <= 1) return last + 1;
  const target = total / Math.ceil(total / targetFill);
  let reached = fill(lines, start, start);
  let best = start + 1;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let row = start + 1; row <= last; row++) {
    if (reached > 0.4 * target) {
      const cost = Math.abs(reached - target) / target + cutCost(lines, depths, row);
      if (cost < bestCost) {
        bestCost = cost;
        best = row;
      }
    }
    reached += fill(lines, row, row);
    if (reached > 1) return bestCost === Number.POSITIVE_INFINITY ? row : best;
  }
  return best;
}

function cutCost(lines: SourceLines, depths: Uint8Array, row: number): number {
  const depth = depths[row] ?? noBorder;
  const afterBlank = lines.isBlank(row - 1) ? -0.25 : 0;
  if (depth === noBorder) return 4 + afterBlank;
  const afterComment = /^\s*(?:\/\/|\/\*|\*|#|--)/u.test(lines.row(row - 1)) ? 0.5 : 0;
  return Math.min(depth * 0.2, 3) + afterBlank + afterComment;
}

function overlapStart(lines: SourceLines, start: number, previousFirst: number): number {
  let first = start;
  let rows = 0;
  while (rows < overlapRows && first - 1 > previousFirst) {
    if (lines.characters(first - 1, start - 1) > overlapCharacters) break;
    first--;
    if (!lines.isBlank(first)) rows++;
  }
  return first;
}
