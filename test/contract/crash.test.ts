import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { crashRounds } from './crash-rounds.ts';

/** `node test/load/kill-store.mjs --kills 200` is the long run. */
const rounds = 10;
const addon = join(import.meta.dirname, '..', '..', 'dist', 'native', 'tiercel.node');
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tiercel-crash-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

it('holds every acknowledged commit, whole, after being killed at any moment', { timeout: 120_000 }, async () => {
  const writer = join(folder, 'writer.mjs');
  const entryPoints = [join(import.meta.dirname, 'crash-writer.ts')];
  await build({ entryPoints, outfile: writer, bundle: true, platform: 'node', format: 'esm', target: 'node20' });
  const seed = Date.now() % 2 ** 32;
  const env = { ...process.env, TIERCEL_NATIVE: process.env['TIERCEL_NATIVE'] ?? addon };
  const commits = await crashRounds(writer, { folder, rounds, seed, longestMs: 150, env }).catch((error: unknown) => {
    throw new Error(`seed ${String(seed)}`, { cause: error });
  });
  expect(commits).toBeGreaterThanOrEqual(rounds);
});
