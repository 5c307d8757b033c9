import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('names every tool the machine lacks, with the line that installs it, before it does anything', () => {
  const empty = mkdtempSync(join(tmpdir(), 'tiercel-bare-'));
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'start.mjs')], {
      encoding: 'utf8',
      env: { PATH: empty, HOME: empty },
    });
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('cargo');
    expect(stderr).toContain('rustup');
    if (process.platform === 'linux') expect(stderr).toMatch(/C\+\+ compiler.*\bcc\b[^]*apt-get install/);
    expect(stderr).not.toMatch(/^\s+at /m);
  } finally {
    rmSync(empty, { recursive: true });
  }
});
