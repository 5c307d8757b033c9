/** The pieces of code of a work tree that clones are looked for among, file by file. */
import { cancelled } from '../../../../protocol/errors.ts';
import { decodePayload } from '../../store/payload.ts';
import type { ChunkInfo, FilePage, VectorStore } from '../../store/types.ts';
import { tokensOf, type CodeToken } from '../code-tokens.ts';
import { isCode, placeSignals } from '../place-signals.ts';
import type { ReadLines } from '../read-lines.ts';

export interface PieceSource {
  store: VectorStore;
  tree: string;
  read: ReadLines;
}

export interface PieceOptions {
  minLines: number;
  languages?: readonly string[] | undefined;
}

export interface Piece {
  id: number;
  path: string;
  language: string;
  startLine: number;
  endLine: number;
  tokens: CodeToken[];
}

/** Tables of imports, constants and settings resemble one another without having been copied. */
const compared = new Set(['function', 'method', 'class', 'type', 'test', 'block', 'window']);
const filesPerPage = 1000;

/** Indexed files that people wrote as code, in path order. */
export async function codeFiles(
  { store, tree }: PieceSource,
  { languages }: PieceOptions,
  signal: AbortSignal,
): Promise<FilePage['files']> {
  const files: FilePage['files'] = [];
  let after: string | undefined;
  do {
    if (signal.aborted) throw cancelled();
    const page: FilePage = await store.files(tree, filesPerPage, after);
    for (const file of page.files) {
      const { asides } = placeSignals(file.path, file.language);
      const aside = asides.generated || asides.vendored || !isCode(file.language);
      const wanted = languages === undefined || languages.length === 0 || languages.includes(file.language);
      if (file.chunkCount > 0 && !aside && wanted) files.push(file);
    }
    after = page.next;
  } while (after !== undefined);
  return files;
}

/**
 * Pieces of one file as it is on disk now, in line order; none when it cannot be read.
 *
 * @param only ids of chunks; absent: all that are large enough
 */
export async function piecesOf(
  { store, tree, read }: PieceSource,
  { path, language }: { path: string; language: string },
  { minLines }: PieceOptions,
  only?: ReadonlySet<number>,
): Promise<Piece[]> {
  const chunks = (await store.chunks({ tree, path })).filter(
    (chunk) => (only?.has(chunk.id) ?? true) && linesOf(chunk) >= minLines && compared.has(kindOf(chunk)),
  );
  if (chunks.length === 0) return [];
  const lines = await read(path, 1, Math.max(...chunks.map(({ endLine }) => endLine)));
  return chunks.map(({ id, startLine, endLine }) => {
    const code = lines.slice(startLine - 1, endLine).join('\n');
    return { id, path, language, startLine, endLine, tokens: tokensOf(code, language) };
  });
}

function linesOf({ startLine, endLine }: ChunkInfo): number {
  return endLine - startLine + 1;
}

function kindOf({ payload }: ChunkInfo): string {
  return decodePayload(payload).kind;
}
