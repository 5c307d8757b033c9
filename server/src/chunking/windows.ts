import { SourceLines } from './source-lines.ts';
import type { Chunk } from './types.ts';

const windowLines = 40;
const overlapLines = 8;
const windowCharacters = 3600;
const overlapCharacters = 900;

/**
 * Cuts a text into windows of about 40 lines with 8 lines of overlap, ending at a blank line where one is near. For
 * languages without a grammar and for files the parser cannot take.
 */
export function chunkByLines(text: string): Chunk[] {
  const lines = new SourceLines(text);
  const chunks: Chunk[] = [];
  let start = 0;
  while (start <= lines.lastRow) {
    const end = windowEnd(lines, start);
    const span = lines.trim(start, end);
    if (span !== undefined) {
      chunks.push({
        startLine: span.first + 1,
        endLine: span.last + 1,
        symbol: '',
        kind: 'window',
        signature: '',
        doc: '',
        text: lines.slice(span.first, span.last),
      });
    }
    if (lines.trim(end + 1, lines.lastRow) === undefined) break;
    start = nextStart(lines, start, end);
  }
  return chunks;
}

function windowEnd(lines: SourceLines, start: number): number {
  let last = start;
  while (
    last < lines.lastRow &&
    last - start + 1 < windowLines &&
    lines.characters(start, last + 1) <= windowCharacters
  ) {
    last++;
  }
  if (last === lines.lastRow) return last;
  const earliest = start + Math.floor((last - start) * 0.7);
  for (let row = last; row > earliest; row--) {
    if (lines.isBlank(row)) return row;
  }
  return last;
}

function nextStart(lines: SourceLines, start: number, end: number): number {
  let next = end + 1;
  while (
    next - 1 > start &&
    end + 1 - (next - 1) <= overlapLines &&
    lines.characters(next - 1, end) <= overlapCharacters
  ) {
    next--;
  }
  return next;
}
