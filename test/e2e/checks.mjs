/** Runs checks one after the other, prints a line for each, and counts. */

export class Checks {
  passed = 0;
  /** @type {string[]} names of the checks that failed */
  failed = [];
  /** Called with the name of a check that failed, to keep what helps to understand it. */
  onFailure = async () => undefined;

  /**
   * @param {string} name what is true when this passes
   * @param {() => Promise<string | void>} body throws when it is not; may return a note to print
   * @param {number} timeoutMs
   */
  async check(name, body, timeoutMs = 60_000) {
    const start = performance.now();
    let timer;
    const late = new Promise((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`not finished within ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      const note = await Promise.race([body(), late]);
      this.passed++;
      process.stdout.write(`ok      ${name} (${Math.round(performance.now() - start)} ms)${note ? `: ${note}` : ''}\n`);
    } catch (error) {
      this.failed.push(name);
      process.stdout.write(
        `FAILED  ${name} (${Math.round(performance.now() - start)} ms)\n${indent(error.stack ?? String(error))}\n`,
      );
      await this.onFailure(name);
    } finally {
      clearTimeout(timer);
    }
  }

  summary() {
    return `${this.passed} passed, ${this.failed.length} failed`;
  }
}

function indent(text) {
  return text.replaceAll(/^/gm, '        ');
}

export function expect(condition, message) {
  if (!condition) {
    throw new Error(message);
  }
}

/** Waits until `condition` returns something truthy, and returns that. */
export async function until(condition, what, timeoutMs = 20_000, intervalMs = 50) {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (performance.now() > end) {
      throw new Error(`${what}: not within ${timeoutMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
