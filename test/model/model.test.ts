/**
 * In CI a few short runs; by hand thousands of steps:
 *
 *   MODEL_SEED=1 MODEL_STEPS=2000 MODEL_APART=2000 npx vitest run test/model
 */
import { describe, expect, test } from 'vitest';
import { runModel, type ModelResult } from './model.ts';

const given = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);
const seed = given('MODEL_SEED', 20261);
const steps = given('MODEL_STEPS', 48);
const apart = given('MODEL_APART', 120);

function report(what: string, { waits, ...counts }: ModelResult): void {
  const sorted = [...waits].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  console.log(
    what,
    counts,
    `right after ${median.toFixed(0)} ms in the middle, ${(sorted.at(-1) ?? 0).toFixed(0)} at most`,
  );
}

// The server is found by /proc when it is killed.
describe.skipIf(process.platform !== 'linux')('after whatever happens, the index equals a fresh one', () => {
  const log = process.env['MODEL_LOG'] === undefined ? {} : { log: (line: string) => console.log(line) };
  test.each([
    { what: 'the server watches', tells: false, seed },
    { what: 'the client tells, and leaves things out', tells: true, seed: seed + 1 },
  ])('$what', { timeout: 60_000 + steps * 5000 }, async ({ what, tells, seed: from }) => {
    const result = await runModel({ seed: from, steps, apart, tells, ...log });
    report(what, result);
    expect(result.quietPoints).toBeGreaterThan(steps / 10);
  });
});
