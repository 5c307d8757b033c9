/** Joined pieces as groups of places: neighbours that were copied together become one. */
import type { CloneGroup, CloneKind, ClonePlace, ClonesResult } from '../../../../protocol/clones.ts';
import { decodePayload } from '../../store/payload.ts';
import { similarity, type GramSet } from '../token-grams.ts';
import type { CloneWork } from './find-clones.ts';
import type { PieceTable } from './piece-table.ts';
import type { UnionFind } from './union-find.ts';

interface JoinedWork extends CloneWork {
  joined: UnionFind;
  /** Of every piece the first one with the same tokens but for names. */
  twins: Uint32Array;
  sets: ReadonlyMap<number, GramSet>;
}

/** Lines between two chunks that belong together all the same: white space, a lone brace. */
const longestGap = 3;

/** All groups, those that repeat the most lines first. */
export async function placedGroups(work: JoinedWork): Promise<Pick<ClonesResult, 'groups' | 'found'>> {
  const { table, files, twins, joined } = work;
  const members = new Map<number, number[]>();
  for (let at = 0; at < table.length; at++) {
    const root = joined.find(twins[at] ?? at);
    const list = members.get(root);
    if (list === undefined) members.set(root, [at]);
    else list.push(at);
  }
  const several = [...members.values()].map((list) => apart(table, list)).filter((list) => list.length > 1);
  const symbols = await symbolsOf(work, several.flat());
  const groups = merged(
    several.map((list) => {
      const places = list.map((at) => ({
        path: files[table.file(at)]?.path ?? '',
        startLine: table.startLine(at),
        endLine: table.endLine(at),
        symbol: symbols.get(table.id(at)) ?? '',
        similarity: likeness(work, list[0] ?? at, at),
      }));
      return grouped(places, kindOf(table, list), files[table.file(list[0] ?? 0)]?.language ?? '');
    }),
  );
  const repeated = (group: CloneGroup): number => linesOf(group.places) - group.lines;
  groups.sort((a, b) => repeated(b) - repeated(a) || comparePlaces(a.places[0], b.places[0]));
  const repeatedLines = groups.reduce((sum, group) => sum + repeated(group), 0);
  return { groups, found: { groups: groups.length, repeatedLines } };
}

/** Pieces of a long function overlap by some lines: of those that do, the first stays. `list` is by file and line. */
function apart(table: PieceTable, list: readonly number[]): number[] {
  const kept: number[] = [];
  for (const at of list) {
    const last = kept.at(-1);
    const overlaps =
      last !== undefined && table.file(last) === table.file(at) && table.endLine(last) >= table.startLine(at);
    if (!overlaps) kept.push(at);
  }
  return kept;
}

function grouped(places: ClonePlace[], kind: CloneKind, language: string): CloneGroup {
  const least = Math.min(...places.map((place) => place.similarity));
  return { kind, language, lines: linesOf(places.slice(0, 1)), similarity: least, places };
}

function linesOf(places: readonly ClonePlace[]): number {
  return places.reduce((sum, { startLine, endLine }) => sum + endLine - startLine + 1, 0);
}

function kindOf(table: PieceTable, list: readonly number[]): CloneKind {
  const first = table.hashes(list[0] ?? 0);
  if (list.every((at) => table.hashes(at).kept === first.kept)) return 'identical';
  return list.every((at) => table.hashes(at).renamed === first.renamed) ? 'renamed' : 'near';
}

function likeness({ sets, twins }: JoinedWork, first: number, at: number): number {
  const [left, right] = [twins[first] ?? first, twins[at] ?? at];
  if (left === right) return 1;
  return similarity(sets.get(left) ?? new Uint32Array(), sets.get(right) ?? new Uint32Array());
}

async function symbolsOf({ source, table }: JoinedWork, pieces: readonly number[]): Promise<Map<number, string>> {
  const infos = await source.store.chunks({ ids: Float64Array.from(pieces, (at) => table.id(at)) });
  return new Map(infos.map(({ id, payload }) => [id, decodePayload(payload).symbol]));
}

/** Groups whose places all follow those of another group become one with it. */
function merged(groups: CloneGroup[]): CloneGroup[] {
  const result: CloneGroup[] = [];
  /** By the files of their places, where the last such group stands in the result. */
  const open = new Map<string, number>();
  const signature = ({ places }: CloneGroup): string => places.map(({ path }) => path).join('\n');
  for (const group of groups.toSorted((a, b) => comparePlaces(a.places[0], b.places[0]))) {
    const key = signature(group);
    const at = open.get(key) ?? -1;
    const before = result[at];
    if (before !== undefined && follows(before, group)) {
      const places = before.places.map((place, number) => extended(place, group.places[number]));
      result[at] = grouped(places, weaker(before.kind, group.kind), group.language);
    } else {
      open.set(key, result.push(group) - 1);
    }
  }
  return result;
}

function follows(before: CloneGroup, group: CloneGroup): boolean {
  return group.places.every(({ startLine }, at) => {
    const gap = startLine - (before.places[at]?.endLine ?? Number.NaN) - 1;
    return gap >= 0 && gap <= longestGap;
  });
}

/** The similarity of the longer part counts for more. */
function extended(place: ClonePlace, next: ClonePlace | undefined): ClonePlace {
  if (next === undefined) return place;
  const [own, added] = [linesOf([place]), linesOf([next])];
  const both = (place.similarity * own + next.similarity * added) / (own + added);
  return { ...place, endLine: next.endLine, similarity: both };
}

function weaker(a: CloneKind, b: CloneKind): CloneKind {
  if (a === 'near' || b === 'near') return 'near';
  return a === 'renamed' || b === 'renamed' ? 'renamed' : 'identical';
}

function comparePlaces(a: ClonePlace | undefined, b: ClonePlace | undefined): number {
  if (a === undefined || b === undefined) return 0;
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return a.startLine - b.startLine;
}
