/** Everything a run creates: temporary folders, an environment of its own, and processes that end with it. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from './checks.mjs';

export const repository = path.resolve(import.meta.dirname, '../..');
export const artifacts = path.join(repository, 'test/artifacts/e2e');

const marker = 'TIERCEL_E2E_RUN';

export class Sandbox {
  folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'tiercel-e2e-')));

  constructor() {
    mkdirSync(this.path('home'), { recursive: true });
    mkdirSync(artifacts, { recursive: true });
  }

  path(...parts) {
    return path.join(this.folder, ...parts);
  }

  /** The environment of every process of the run; the marker lets us find its grandchildren. */
  get env() {
    return {
      ...process.env,
      HOME: this.path('home'),
      TIERCEL_HOME: this.path('tiercel-home'),
      [marker]: this.folder,
    };
  }

  /** Copies a fixture folder and makes a git repository of it, one commit. */
  copyWorkspace(fixture, name = fixture) {
    const target = this.path('workspaces', name);
    cpSync(path.join(repository, 'test/fixtures', fixture), target, { recursive: true });
    const git = (...args) =>
      execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.org', ...args], {
        cwd: target,
        env: this.env,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    git('init', '--quiet');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'Shop');
    return target;
  }

  /** Absolute paths of the files below `folder` whose path matches. */
  find(folder, pattern) {
    if (!existsSync(folder)) {
      return [];
    }
    return readdirSync(folder, { recursive: true })
      .map((name) => path.join(folder, name))
      .filter((file) => pattern.test(file));
  }

  /** Ids of living processes started by this run, directly or not. */
  processes() {
    const found = [];
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry) || Number(entry) === process.pid) {
        continue;
      }
      try {
        const environment = readFileSync(`/proc/${entry}/environ`, 'latin1').split('\0');
        const state = readFileSync(`/proc/${entry}/stat`, 'latin1').replace(/^.*\) /s, '')[0];
        if (state !== 'Z' && environment.includes(`${marker}=${this.folder}`)) {
          found.push(Number(entry));
        }
      } catch (error) {
        if (!['ENOENT', 'ESRCH', 'EACCES'].includes(error.code)) {
          throw error;
        }
      }
    }
    return found;
  }

  /** Living processes of this run whose command line contains `text`. */
  processesLike(text) {
    return this.processes().filter((pid) => commandLine(pid).includes(text));
  }

  /** Ends what is still alive and removes the temporary folders. @returns {Promise<string[]>} what had to be ended */
  async dispose() {
    const left = this.processes();
    const lines = left.map((pid) => `${pid} ${commandLine(pid).slice(0, 160)}`);
    for (const [signal, patience] of [
      ['SIGTERM', 8_000],
      ['SIGKILL', 5_000],
    ]) {
      for (const pid of this.processes()) {
        signalQuietly(pid, signal);
      }
      await until(() => this.processes().length === 0, 'processes end', patience).catch(() => undefined);
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    return lines;
  }
}

export function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function signalQuietly(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') {
      throw error;
    }
  }
}
