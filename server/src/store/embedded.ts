/** The store in this process: the Rust engine, with the interface's objects turned into columns and back. */
import { TiercelError, errorCodes } from '../../../protocol/errors.ts';
import {
  type CandidateColumns,
  type ChunkColumns,
  type FileColumns,
  type HitColumns,
  type NativeStore,
  settle,
  settleUnlessAborted,
} from '../native/index.ts';
import {
  type ChunkInfo,
  type CommitBatch,
  type FilePage,
  type FileRecord,
  type Hit,
  type MissingQuery,
  type OpenOptions,
  type StoreStats,
  type TextCandidate,
  type TextSignals,
  type RankedStore,
  hashBytes,
} from './types.ts';

/**
 * Opens the store in `directory`, making it if there is none. One process at a time has it open.
 *
 * @throws TiercelError `UpdateTiercel` for files of a newer version (nothing is touched), `RebuildIndex` for damaged
 * ones, `RetryLater` when another process has the store open (the message names it), `FixTheCall` for spaces that
 * cannot be, `FixTheMachine` when the system refuses, `InstallWhatIsMissing` without the engine.
 */
export async function openEmbeddedStore({ directory, spaces, keep }: OpenOptions): Promise<RankedStore> {
  const native = await settle((addon) => addon.openStore(directory, spaces, keep));
  return embedded(native);
}

function embedded(native: NativeStore): RankedStore {
  let closing: Promise<void> | undefined;
  return {
    async commit(batch: CommitBatch) {
      const put = columnsOf(batch.put);
      return settle(() => native.commit(batch.tree, put, batch.remove, batch.vectors));
    },

    async searchVectors({ tree, space, vectors, k, filter }, signal) {
      const wanted = count(k, 'k');
      return hitsOf(
        await settleUnlessAborted(signal, (token) => native.searchVectors(tree, space, vectors, wanted, filter, token)),
      );
    },

    async searchText({ tree, queries, k, filter }, signal) {
      const wanted = count(k, 'k');
      return hitsOf(
        await settleUnlessAborted(signal, (token) => native.searchText(tree, queries, wanted, filter, token)),
      );
    },

    async rankText({ tree, filter, chunks, files, weights, ...query }, signal) {
      const { body, symbol, doc, path } = weights;
      const asked = {
        ...query,
        weights: Float32Array.of(body, symbol, doc, path),
        chunks: count(chunks, 'chunks'),
        files: count(files, 'files'),
      };
      return candidatesOf(await settleUnlessAborted(signal, (token) => native.rankText(tree, asked, filter, token)));
    },

    async chunks(selector) {
      return chunksOf(
        await settle(() =>
          'ids' in selector ? native.chunksById(selector.ids) : native.chunksOfFile(selector.tree, selector.path),
        ),
      );
    },

    async files(tree, limit, after) {
      const wanted = count(limit, 'limit');
      const page = await settle(() => native.files(tree, wanted, after));
      const files = page.paths.map((path, at) => ({
        path,
        language: page.languages[at] ?? '',
        size: page.sizes[at] ?? 0,
        mtimeMs: page.mtimes[at] ?? 0,
        contentHash: page.contentHashes.subarray(at * hashBytes, (at + 1) * hashBytes),
        outcome: page.outcomes[at] ?? '',
        chunkCount: page.chunkCounts[at] ?? 0,
      }));
      const next = page.more ? files.at(-1)?.path : undefined;
      return next === undefined ? { files } : ({ files, next } satisfies FilePage);
    },

    async missing(query: MissingQuery) {
      const limit = count(query.limit, 'limit');
      const { space, keys, tree } = query;
      if (keys !== undefined && tree === undefined) {
        return settle(() => native.missingKeys(space, keys, limit));
      }
      if (tree !== undefined && keys === undefined) {
        return settle(() => native.missingPaths(space, tree, limit));
      }
      throw new TiercelError(errorCodes.fixTheCall, 'What is missing is asked by keys or by tree, one of both.');
    },

    async stats(tree): Promise<StoreStats> {
      const { outcomes, languages, ...figures } = await settle(() => native.stats(tree));
      const counts = (list: { name: string; count: number }[]): Record<string, number> =>
        Object.fromEntries(list.map(({ name, count: times }) => [name, times]));
      return { ...figures, outcomes: counts(outcomes), languages: counts(languages) };
    },

    close: () => (closing ??= settle(() => native.close())),
  };
}

/** Larger counts than this mean "all". */
const largestCount = 0xffff_ffff;

function count(value: number, name: string): number {
  if (!Number.isFinite(value) || value < 0) {
    throw new TiercelError(errorCodes.fixTheCall, `${name} must be a number from 0 on, not ${String(value)}.`);
  }
  return Math.min(Math.floor(value), largestCount);
}

function columnsOf(files: FileRecord[]): FileColumns {
  const chunks = files.flatMap((file) => file.chunks);
  const payloadBytes = chunks.reduce((sum, chunk) => sum + chunk.payload.length, 0);
  const payloads = new Uint8Array(payloadBytes);
  const payloadEnds = new Uint32Array(chunks.length);
  let end = 0;
  chunks.forEach(({ payload }, at) => {
    payloads.set(payload, end);
    end += payload.length;
    payloadEnds[at] = end;
  });
  return {
    paths: files.map((file) => file.path),
    languages: files.map((file) => file.language),
    sizes: Float64Array.from(files, (file) => file.size),
    mtimes: Float64Array.from(files, (file) => file.mtimeMs),
    contentHashes: joined(
      files.map((file) => file.contentHash),
      'content hash',
    ),
    outcomes: files.map((file) => file.outcome),
    chunkCounts: Uint32Array.from(files, (file) => file.chunks.length),
    keys: joined(
      chunks.map((chunk) => chunk.key),
      'key',
    ),
    startLines: Uint32Array.from(chunks, (chunk) => chunk.startLine),
    endLines: Uint32Array.from(chunks, (chunk) => chunk.endLine),
    payloads,
    payloadEnds,
    symbols: chunks.map((chunk) => chunk.symbol),
    docs: chunks.map((chunk) => chunk.doc),
    bodies: chunks.map((chunk) => chunk.body),
  };
}

function joined(hashes: Uint8Array[], what: string): Uint8Array {
  const all = new Uint8Array(hashes.length * hashBytes);
  hashes.forEach((hash, at) => {
    if (hash.length !== hashBytes) {
      throw new TiercelError(
        errorCodes.fixTheCall,
        `A ${what} has ${String(hash.length)} bytes, not ${String(hashBytes)}.`,
      );
    }
    all.set(hash, at * hashBytes);
  });
  return all;
}

function hitsOf({ counts, ids, scores }: HitColumns): Hit[][] {
  let at = 0;
  return Array.from(counts, (length) => {
    const hits: Hit[] = [];
    for (const end = at + length; at < end; at++) {
      hits.push({ id: ids[at] ?? 0, score: scores[at] ?? 0 });
    }
    return hits;
  });
}

function candidatesOf({ names, ids, signals }: CandidateColumns): TextCandidate[] {
  const columns = new Map(names.map((name, at) => [name, at]));
  return Array.from(ids, (id, row) => {
    const value = (name: keyof TextSignals): number => signals[row * names.length + (columns.get(name) ?? -1)] ?? 0;
    return {
      id,
      signals: {
        score: value('score'),
        body: value('body'),
        symbol: value('symbol'),
        doc: value('doc'),
        covered: value('covered'),
        file: value('file'),
        fileBest: value('fileBest'),
        fileCovered: value('fileCovered'),
        nameCovered: value('nameCovered'),
        namePrecision: value('namePrecision'),
        folderCovered: value('folderCovered'),
        fileTokens: value('fileTokens'),
      },
    };
  });
}

function chunksOf(columns: ChunkColumns): ChunkInfo[] {
  let start = 0;
  return columns.paths.map((path, at) => {
    const end = columns.payloadEnds[at] ?? start;
    const payload = columns.payloads.subarray(start, end);
    start = end;
    return {
      id: columns.ids[at] ?? 0,
      path,
      language: columns.languages[at] ?? '',
      startLine: columns.startLines[at] ?? 0,
      endLine: columns.endLines[at] ?? 0,
      key: columns.keys.subarray(at * hashBytes, (at + 1) * hashBytes),
      payload,
    };
  });
}
