/** Real folders and git repositories for the tests of this room. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FileChange } from './types.ts';

export class TestFolder {
  readonly root: string;

  constructor() {
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'tiercel-workspace-')));
  }

  /** Writes files by relative path, folders as needed. */
  write(files: Record<string, string | Uint8Array>): this {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(this.path(path)), { recursive: true });
      writeFileSync(this.path(path), content);
    }
    return this;
  }

  path(relative: string): string {
    return join(this.root, relative);
  }

  git(...args: string[]): this {
    this.gitIn('.', ...args);
    return this;
  }

  gitIn(folder: string, ...args: string[]): string {
    const settings = ['user.name=T', 'user.email=t@example.org', 'commit.gpgsign=false', 'protocol.file.allow=always'];
    return execFileSync('git', [...settings.flatMap((setting) => ['-c', setting]), ...args], {
      cwd: this.path(folder),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Gathers what a watch reports, and waits for what a test expects of it. */
export class Recorder {
  readonly changes: FileChange[] = [];
  readonly rescans: string[] = [];
  readonly problems: string[] = [];
  readonly reasons = new Set<string>();
  readonly #waiting = new Set<() => void>();

  onChange = (changes: FileChange[], reason: string): void => {
    this.reasons.add(reason);
    this.changes.push(...changes);
    this.#wake();
  };

  onRescan = (reason: string): void => {
    this.rescans.push(reason);
    this.#wake();
  };

  onProblem = (message: string): void => {
    this.problems.push(message);
    this.#wake();
  };

  /** Latest kind reported for a path. */
  last(path: string): FileChange['kind'] | undefined {
    return this.changes.findLast((change) => change.path === path)?.kind;
  }

  /** Resolves when the condition holds after some event; rejects after the deadline with what was seen. */
  async until(condition: () => boolean, milliseconds = 15_000): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`Not seen in time. Seen: ${JSON.stringify([this.changes, this.rescans, this.problems])}`));
      }, milliseconds);
      const check = () => {
        if (!condition()) return;
        clearTimeout(deadline);
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
    });
  }

  #wake(): void {
    for (const check of this.#waiting) check();
  }
}
