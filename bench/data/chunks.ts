import { hash } from 'node:crypto';
import { messageOf } from '../../protocol/errors.ts';
import { embeddingText } from '../../server/src/chunking/embedding-text.ts';
import { createChunker } from '../../server/src/chunking/pool.ts';
import type { Chunker } from '../../server/src/chunking/types.ts';
import { ownProcess } from '../../server/src/processes/command.ts';
import { log } from '../log.ts';
import { serverBundle, sourceRoot } from '../places.ts';
import { findSources, readSource, type SourcePlace } from './sources.ts';

const mostPerFile = 60;
const shortestText = 80;

/** Chunks of one package, by its name and version. */
export type PackageCounts = Record<string, number>;

/**
 * Cuts the source code of this machine into chunks, as the product does, until there are enough.
 *
 * @param count of chunks that are wanted; fewer come when the machine has no more
 * @returns different texts in an order that depends on their content only
 */
export async function collectChunks(count: number): Promise<{ texts: string[]; packages: PackageCounts }> {
  const places = findSources(sourceRoot());
  if (places.length === 0) {
    throw new Error('No source code was found on this machine (Go, Cargo, Python, npm, headers).');
  }
  const texts = new Map<string, string>();
  const packages: PackageCounts = {};
  const chunker = createChunker({ processes: 2, command: ownProcess('parse', serverBundle()) });
  try {
    // A place that has too little leaves its share to those after it, so the smallest come first.
    let left = count;
    let leftShares = places.reduce((sum, { share }) => sum + share, 0);
    for (const place of [...places].sort((a, b) => a.files.length - b.files.length)) {
      const quota = Math.ceil((left * place.share) / leftShares);
      const got = await collectPlace(place, quota, texts, packages, chunker);
      log(`${got} chunks from ${place.name} (${place.files.length} files there)`);
      left -= got;
      leftShares -= place.share;
    }
  } finally {
    await chunker.close();
  }
  const ordered = [...texts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  const counted = Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1));
  return { texts: ordered, packages: Object.fromEntries(counted) };
}

async function collectPlace(
  place: SourcePlace,
  quota: number,
  texts: Map<string, string>,
  packages: PackageCounts,
  chunker: Chunker,
): Promise<number> {
  let got = 0;
  const filesAtATime = 32;
  for (let at = 0; at < place.files.length && got < quota; at += filesAtATime) {
    const batch = place.files.slice(at, at + filesAtATime).map(async (source) => {
      const text = readSource(source.file);
      if (text === undefined) return { source, chunks: [] };
      try {
        return { source, chunks: (await chunker.chunk({ path: source.path, language: source.language, text })).chunks };
      } catch (error) {
        throw new Error(`${source.path}: ${messageOf(error)}`, { cause: error });
      }
    });
    for (const { source, chunks } of await Promise.all(batch)) {
      for (const chunk of chunks.slice(0, mostPerFile)) {
        const text = embeddingText(chunk, source.language);
        const key = hash('sha256', text);
        if (text.length < shortestText || texts.has(key) || got >= quota) continue;
        texts.set(key, text);
        packages[source.package] = (packages[source.package] ?? 0) + 1;
        got++;
      }
    }
  }
  return got;
}
