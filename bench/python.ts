import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { log } from './log.ts';
import { benchFolder } from './places.ts';

const packages = ['numpy', 'scipy', 'scikit-learn'];

/**
 * A Python with numpy, scipy and scikit-learn (BSD-3-Clause, all three), installed into the bench's own folder the first
 * time.
 *
 * @throws Error when there is no Python 3 or the packages cannot be installed
 */
export function requirePython(): string {
  const folder = join(benchFolder(), 'python', 'venv');
  const python = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python3');
  if (!existsSync(python)) {
    log('Installing numpy, scipy and scikit-learn for the bench …');
    mkdirSync(join(benchFolder(), 'python'), { recursive: true });
    const made =
      succeeds('python3', ['-m', 'venv', folder]) && succeeds(python, ['-m', 'pip', 'install', '--quiet', ...packages]);
    if (!made) {
      rmSync(folder, { recursive: true, force: true });
      throw new Error(
        'The exact neighbours of large data sets are found by numpy: install Python 3 with venv and pip.',
      );
    }
  }
  return python;
}

function succeeds(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}
