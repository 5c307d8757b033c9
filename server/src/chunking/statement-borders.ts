import type Parser from 'tree-sitter';
import type { SourceLines } from './source-lines.ts';

/** A row where no statement starts: inside a string or comment, a continuation, or a closing bracket. */
export const noBorder = 255;

/**
 * How deep in the syntax tree the outermost node lies that begins a row, for every row; {@link noBorder} where none
 * does. Cutting before a row of small depth keeps statements whole. Walks only nodes of several rows, with a cursor,
 * so deep trees cost no stack.
 */
export function statementDepths(tree: Parser.Tree, lines: SourceLines): Uint8Array {
  const depths = new Uint8Array(lines.rows.length).fill(noBorder);
  const firstColumns = lines.rows.map((row) => row.length - row.trimStart().length);
  const cursor = tree.walk();
  let depth = 0;
  for (;;) {
    const start = cursor.startPosition;
    const tall = cursor.endPosition.row > start.row;
    if (cursor.nodeIsNamed && start.column === firstColumns[start.row]) {
      depths[start.row] = Math.min(depths[start.row] ?? noBorder, depth, noBorder - 1);
    }
    if (tall && cursor.gotoFirstChild()) {
      depth++;
      continue;
    }
    while (!cursor.gotoNextSibling()) {
      if (!cursor.gotoParent()) return depths;
      depth--;
    }
  }
}
