/** Progress for the person who waits; standard output carries the results. */
export function log(line: string): void {
  process.stderr.write(`${line}\n`);
}
