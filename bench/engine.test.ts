import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Report } from './report/report.ts';

const root = join(import.meta.dirname, '..');

it('measures the engine by size, within a small budget, and by hashes', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-bench-'));
  try {
    const [json, svg] = [join(folder, 'report.json'), join(folder, 'report.svg')];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        join(root, 'scripts', 'bench.mjs'),
        'engine',
        '--quick',
        '--ours',
        'tiercel,tiercel-1bit,tiercel-lsh',
        '--json',
        json,
        '--svg',
        svg,
      ],
      { encoding: 'utf8', env: { ...process.env, TIERCEL_HOME: join(folder, 'home') } },
    );
    expect(status, stderr).toBe(0);
    const { data } = JSON.parse(readFileSync(json, 'utf8')) as Report;
    const engines = data[0]?.engines ?? [];
    expect(engines.map(({ name }) => name)).toContain('tiercel-lsh');
    for (const { name, points, warm, build } of engines) {
      expect(stdout).toContain(name);
      expect(build?.bytesOnDisk).toBeGreaterThan(0);
      expect(warm[0]?.openMs).toBeGreaterThan(0);
      expect(points.length).toBeGreaterThan(0);
      // What the hash index promises is less.
      const least = name === 'tiercel-lsh' ? 0.5 : 0.95;
      for (const { label, recall } of points) expect(recall, `${name}, ${label}`).toBeGreaterThan(least);
    }
    expect(readFileSync(svg, 'utf8')).toContain('<polyline');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
