/** The package as another release could be: the same build with another instant model. */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decodeVectors, encodeVectors } from '../../models/instant-v2/vectors-file.mjs';
import { mainFile } from './fixture.ts';

const root = dirname(dirname(mainFile));
const instantModel = join('models', 'instant-v2');

/** @param folder made here @returns its `main.mjs` */
export function packageWithOtherInstantModel(folder: string): string {
  mkdirSync(join(folder, 'dist'), { recursive: true });
  for (const name of readdirSync(join(root, 'dist'))) {
    const from = join(root, 'dist', name);
    const to = join(folder, 'dist', name);
    // A program finds its package from where its file really is; what it loads may lie elsewhere.
    if (name.endsWith('.mjs')) cpSync(from, to);
    else symlinkSync(from, to);
  }
  for (const name of ['node_modules', 'syntaxes']) symlinkSync(join(root, name), join(folder, name));
  for (const name of ['package.json', 'models']) cpSync(join(root, name), join(folder, name), { recursive: true });
  const { dimension, vectors } = decodeVectors(readFileSync(join(root, instantModel, 'vectors.bin')));
  const vocabulary = readFileSync(join(root, instantModel, 'vocab.txt'));
  const others = vectors.map((value) => -value);
  writeFileSync(join(folder, instantModel, 'vectors.bin'), encodeVectors(others, dimension, vocabulary));
  return join(folder, 'dist', 'main.mjs');
}
