/** When a server that went away is started again, and when that is given up. */

const windowMs = 3 * 60_000;

/** Milliseconds before the first, second, … restart inside one window; after the last, no more. */
const delays = [100, 1_000, 5_000, 15_000] as const;

export class RestartPolicy {
  private crashes: number[] = [];

  /**
   * Notes that the server went away at `now` (milliseconds).
   * @returns milliseconds to wait before starting it again, or undefined when it went away too often.
   */
  crashed(now: number): number | undefined {
    this.crashes = [...this.crashes.filter((crash) => now - crash < windowMs), now];
    return delays[this.crashes.length - 1];
  }

  /** Forgets the past: a person asked for the restart. */
  reset(): void {
    this.crashes = [];
  }
}

/** The line of a dead process' error output that says why it died, for a message. */
export function reasonOf(errorOutput: string): string | undefined {
  const lines = errorOutput
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const error = lines.findLast((line) => /^(?:\w*(?:Error|Exception)\b.*?:|error:|fatal:)/i.test(line));
  return error ?? lines.findLast((line) => !line.startsWith('at ') && !line.startsWith('Node.js v'));
}
