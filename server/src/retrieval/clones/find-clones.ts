/**
 * Clone groups over a whole work tree, without comparing all pairs: every piece becomes a MinHash sketch, only pieces that
 * meet in a band are read again and compared run by run, and what is similar enough is joined.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { cancelled } from '../../../../protocol/errors.ts';
import type { ClonesResult } from '../../../../protocol/clones.ts';
import { gramsOf, sequenceHash, similarity, type GramSet } from '../token-grams.ts';
import { placedGroups } from './groups.ts';
import { bandKeys, bands } from './minhash.ts';
import { PieceTable } from './piece-table.ts';
import { codeFiles, piecesOf, type PieceOptions, type PieceSource } from './pieces.ts';
import { UnionFind } from './union-find.ts';

export interface CloneQuery extends PieceOptions {
  similarity: number;
  limit: number;
}

/** Fewer tokens, or fewer different runs of them, say the same thing too often by chance. */
const fewest = { tokens: 40, grams: 24 };
/** Within a band a piece is compared with so many neighbours by size: a band of thousands is boilerplate. */
const neighbours = 48;
/** The event loop gets its turn after so many milliseconds of comparing. */
const sliceMs = 8;

/**
 * @param onProgress gets the share that is done, 0 to 1
 * @throws TiercelError `Cancelled`
 */
export async function findClones(
  source: PieceSource,
  query: CloneQuery,
  signal: AbortSignal,
  onProgress: (share: number) => void = () => undefined,
): Promise<ClonesResult> {
  const start = performance.now();
  const files = await codeFiles(source, query, signal);
  const work = { source, query, files, table: new PieceTable(), signal };
  await sketch(work, (share) => {
    onProgress(share * 0.6);
  });
  const { table } = work;
  const twins = sameSequences(table);
  const sets = await setsOf(work, meetingPieces(table, twins), (share) => {
    onProgress(0.6 + share * 0.3);
  });
  const joined = await join(work, twins, sets);
  const { groups, found } = await placedGroups({ ...work, joined, twins, sets });
  onProgress(1);
  const compared = { files: files.length, chunks: table.length };
  return { groups: groups.slice(0, query.limit), found, compared, milliseconds: Math.round(performance.now() - start) };
}

export interface CloneWork {
  source: PieceSource;
  query: CloneQuery;
  files: readonly { path: string; language: string }[];
  table: PieceTable;
  signal: AbortSignal;
}

async function sketch(
  { source, query, files, table, signal }: CloneWork,
  onShare: (share: number) => void,
): Promise<void> {
  for (const [number, file] of files.entries()) {
    if (signal.aborted) throw cancelled();
    for (const piece of await piecesOf(source, file, query)) {
      if (piece.tokens.length < fewest.tokens) continue;
      const grams = gramsOf(piece.tokens, 'renamed');
      if (grams.length < fewest.grams) continue;
      table.push({
        ...piece,
        file: number,
        grams: grams.length,
        keptHash: sequenceHash(piece.tokens, 'kept'),
        renamedHash: sequenceHash(piece.tokens, 'renamed'),
        bandKeys: bandKeys(grams),
      });
    }
    if (number % 50 === 0) onShare(number / files.length);
  }
}

/** Of every piece the first one with the same tokens but for names; itself where it is the first. */
function sameSequences(table: PieceTable): Uint32Array {
  const first = new Map<number, number>();
  return Uint32Array.from({ length: table.length }, (_, at) => {
    const { renamed } = table.hashes(at);
    const known = first.get(renamed);
    if (known === undefined) first.set(renamed, at);
    return known ?? at;
  });
}

/** Bands one after the other: runs of at least two different pieces with the same key, by the size of their sets. */
function* meetings(table: PieceTable, twins: Uint32Array): Generator<Uint32Array> {
  const firsts = Uint32Array.from({ length: table.length }, (_, at) => at).filter((at) => twins[at] === at);
  for (let band = 0; band < bands; band++) {
    firsts.sort((a, b) => table.bandKey(a, band) - table.bandKey(b, band) || table.grams(a) - table.grams(b) || a - b);
    for (let from = 0; from < firsts.length;) {
      const key = table.bandKey(firsts[from] ?? 0, band);
      let to = from + 1;
      while (to < firsts.length && table.bandKey(firsts[to] ?? 0, band) === key) to++;
      if (to - from > 1) yield firsts.subarray(from, to);
      from = to;
    }
  }
}

function meetingPieces(table: PieceTable, twins: Uint32Array): Set<number> {
  const found = new Set<number>();
  for (const run of meetings(table, twins)) for (const at of run) found.add(at);
  return found;
}

/** The sets of runs of some pieces, from the files once more: nothing of the first reading was kept. */
async function setsOf(
  { source, query, files, table, signal }: CloneWork,
  wanted: ReadonlySet<number>,
  onShare: (share: number) => void,
): Promise<Map<number, GramSet>> {
  const sets = new Map<number, GramSet>();
  const byFile = new Map<number, number[]>();
  for (const at of [...wanted].sort((a, b) => a - b)) {
    byFile.set(table.file(at), [...(byFile.get(table.file(at)) ?? []), at]);
  }
  let done = 0;
  for (const [number, pieces] of byFile) {
    if (signal.aborted) throw cancelled();
    const file = files[number];
    if (file === undefined) continue;
    const positions = new Map(pieces.map((at) => [table.id(at), at]));
    for (const { id, tokens } of await piecesOf(source, file, query, new Set(positions.keys()))) {
      sets.set(positions.get(id) ?? 0, gramsOf(tokens, 'renamed'));
    }
    if (done++ % 50 === 0) onShare(done / byFile.size);
  }
  return sets;
}

async function join(
  { table, query, signal }: CloneWork,
  twins: Uint32Array,
  sets: ReadonlyMap<number, GramSet>,
): Promise<UnionFind> {
  const joined = new UnionFind(table.length);
  const alike = (a: number, b: number): boolean => {
    const [left, right] = [sets.get(a), sets.get(b)];
    if (left === undefined || right === undefined || overlapping(table, a, b)) return false;
    return similarity(left, right) >= query.similarity;
  };
  // Sets whose sizes differ more cannot share enough.
  const largestRatio = 2 / query.similarity - 1;
  let turn = performance.now();
  for (const run of meetings(table, twins)) {
    for (let at = 1; at < run.length; at++) {
      if (performance.now() - turn > sliceMs) {
        await nextTurn();
        if (signal.aborted) throw cancelled();
        turn = performance.now();
      }
      const piece = run[at] ?? 0;
      for (let other = at - 1; other >= Math.max(0, at - neighbours); other--) {
        const smaller = run[other] ?? 0;
        if (table.grams(piece) > table.grams(smaller) * largestRatio) break;
        const [left, right] = [joined.find(piece), joined.find(smaller)];
        if (left === right || !alike(piece, smaller)) continue;
        // Groups must not grow into chains whose ends have nothing in common: what stands for each must be alike too.
        if ((left === piece && right === smaller) || alike(left, right)) joined.union(smaller, piece);
      }
    }
  }
  return joined;
}

/** Chunks of one file may be nested. */
function overlapping(table: PieceTable, a: number, b: number): boolean {
  return (
    table.file(a) === table.file(b) && table.startLine(a) <= table.endLine(b) && table.startLine(b) <= table.endLine(a)
  );
}
