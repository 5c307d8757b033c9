/** Candidates that are read, and what reading told of each. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { cancelled } from '../../../protocol/errors.ts';
import { shapeOf, type Shape, type Vocabulary } from './code-shape.ts';
import { tokensOf } from './code-tokens.ts';
import type { ReadLines } from './read-lines.ts';
import type { Scored } from './ranker.ts';
import type { Judged, Signals } from './signals.ts';

/** Files between two turns of the event loop. */
const atOnce = 10;

export interface Read {
  one: Scored;
  language: string;
  shape: Shape;
}

/**
 * In no order.
 *
 * @throws TiercelError `Cancelled`
 */
export async function readShapes(
  scored: readonly Scored[],
  vocabulary: Vocabulary,
  read: ReadLines,
  signal: AbortSignal,
): Promise<Read[]> {
  const found: Read[] = [];
  const files = byFile(scored);
  for (let at = 0; at < files.length; at += atOnce) {
    if (signal.aborted) throw cancelled();
    await Promise.all(
      files.slice(at, at + atOnce).map(async ({ path, first, last, chunks }) => {
        const lines = await read(path, first, last);
        for (const one of chunks) {
          const { startLine, endLine, language } = one.judged.candidate.info;
          const text = lines.slice(startLine - first, endLine - first + 1).join('\n');
          found.push({ one, language, shape: shapeOf(tokensOf(text, language), vocabulary) });
        }
      }),
    );
    await nextTurn();
  }
  return found;
}

/** Candidates that were read, with what that told of each, and the others as they were. */
export function withSignals(
  known: readonly Read[],
  others: readonly Scored[],
  told: (at: number) => Partial<Signals>,
): Judged[] {
  return [
    ...known.map(({ one: { judged } }, at) => ({ ...judged, signals: { ...judged.signals, ...told(at) } })),
    ...others.map(({ judged }) => judged),
  ];
}

interface FileOfChunks {
  path: string;
  first: number;
  last: number;
  chunks: Scored[];
}

/** So that each file is read once. */
function byFile(scored: readonly Scored[]): FileOfChunks[] {
  const files = new Map<string, FileOfChunks>();
  for (const one of scored) {
    const { path, startLine, endLine } = one.judged.candidate.info;
    const file = files.get(path) ?? { path, first: startLine, last: endLine, chunks: [] };
    file.first = Math.min(file.first, startLine);
    file.last = Math.max(file.last, endLine);
    file.chunks.push(one);
    files.set(path, file);
  }
  return [...files.values()];
}
