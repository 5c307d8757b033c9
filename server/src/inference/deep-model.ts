import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCodes, TiercelError } from '../../../protocol/errors.ts';
import type { ModelInfo } from './types.ts';

export const modelFile = 'model.q8.onnx';
export const tokenizerFile = 'tokenizer.json';

/** The transformer of the deep lane: all-MiniLM-L6-v2 with 8-bit weights; the id holds the start of its SHA-256. */
export const deepModel: ModelInfo = { id: 'minilm-l6-q8-423780f2', dimension: 384, licence: 'Apache-2.0' };

/** @throws TiercelError `InstallWhatIsMissing` naming the file. */
export async function requireModelFiles(modelDir: string): Promise<void> {
  for (const file of [modelFile, tokenizerFile]) {
    const path = join(modelDir, file);
    await access(path).catch((cause: unknown) => {
      throw new TiercelError(errorCodes.installWhatIsMissing, `${path} is missing: install Tiercel again.`, { cause });
    });
  }
}
