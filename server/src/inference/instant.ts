import { join } from 'node:path';
import { cancelled } from '../../../protocol/errors.ts';
import { StaticEmbedder } from '../native/index.ts';
import type { Embedder } from './types.ts';

/** Texts of one native call, some milliseconds of work: a cancel is noticed between them. */
const batchTexts = 256;

/**
 * Opens the instant lane: static token vectors in the native addon, thousands of texts a second on one core. Queries and
 * passages are treated alike.
 *
 * @param modelDir holds `vectors.bin` and `vocab.txt`
 * @throws TiercelError `InstallWhatIsMissing` when a file is absent or damaged, `UpdateTiercel` when a newer version
 * wrote it.
 */
export async function openInstantEmbedder(modelDir: string): Promise<Embedder> {
  const native = await StaticEmbedder.load(join(modelDir, 'vectors.bin'), join(modelDir, 'vocab.txt'));
  const { dimension, checksum } = native;
  return {
    model: { id: `instant-v2-${checksum.toString(16).padStart(8, '0')}`, dimension, licence: 'Apache-2.0' },
    device: 'cpu',
    async embed(texts, _role, signal) {
      const vectors = new Float32Array(texts.length * dimension);
      for (let start = 0; start < texts.length; start += batchTexts) {
        if (signal?.aborted === true) throw cancelled();
        vectors.set(await native.embed(texts.slice(start, start + batchTexts)), start * dimension);
      }
      if (signal?.aborted === true) throw cancelled();
      return vectors;
    },
    close: () => Promise.resolve(),
  };
}
