/**
 * `npm test`: all that must hold before a change is merged, in the order in which mistakes are cheapest to find.
 *
 *   node scripts/test.mjs [STEP …]     only these steps (their names are in the summary)
 *
 * The last line is `N passed, N failed`, counted over steps and, where a step runs tests, over its tests.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { missingPrograms } from '../test/e2e/setup.mjs';
import { cargoEnvironment } from './machine.mjs';
import { buildIfStale, checkMachine, install } from './prepare.mjs';
import { root } from './sources.mjs';

const results = join(root, 'test', 'artifacts', 'vitest.json');

/** @returns {Promise<{ ok: boolean, output: string }>} with the output shown as it comes */
function run(command, args, env = process.env) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const [stream, target] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
        target.write(text);
      });
    }
    child.once('error', (error) => {
      console.error(error.message);
      done({ ok: false, output });
    });
    child.once('close', (code) => {
      done({ ok: code === 0, output });
    });
  });
}

/** A program of node_modules, run by this Node. */
function tool(packageName, program, ...args) {
  const folder = join(root, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return run(process.execPath, [join(folder, typeof bin === 'string' ? bin : bin[program]), ...args]);
}

function cargo(...args) {
  return run('cargo', args, { ...cargoEnvironment(), CARGO_TERM_COLOR: 'never' });
}

const manifest = ['--manifest-path', join(root, 'native', 'Cargo.toml')];

/** Tests counted in `passed` and `failed`; a step without them counts as one. */
const steps = {
  prerequisites: () => {
    checkMachine();
    return { ok: true };
  },
  install: () => {
    install();
    return { ok: true };
  },
  build: async () => {
    await buildIfStale();
    return { ok: true };
  },
  format: () => tool('prettier', 'prettier', '--check', '--log-level=warn', '.'),
  lint: () => tool('eslint', 'eslint', '--max-warnings=0', '.'),
  types: () => tool('typescript', 'tsc', '--noEmit'),
  'rust format': () => cargo('fmt', '--all', '--check', ...manifest),
  'rust lint': () =>
    cargo('clippy', '--release', '--workspace', '--all-targets', '--locked', ...manifest, '--', '-D', 'warnings'),
  'rust tests': async () => {
    const { ok, output } = await cargo('test', '--release', '--workspace', '--locked', ...manifest);
    return { ok, ...sum(output, /^test result: .*?(\d+) passed; (\d+) failed/gm) };
  },
  'unit, contract, protocol': async () => {
    mkdirSync(join(root, 'test', 'artifacts'), { recursive: true });
    rmSync(results, { force: true });
    const { ok } = await tool(
      'vitest',
      'vitest',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${results}`,
    );
    if (!existsSync(results)) return { ok: false };
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(results, 'utf8'));
    return { ok, passed: numPassedTests, failed: numFailedTests };
  },
  'answers of searches': async () => {
    const evaluation = join(root, '..', 'shared', 'eval');
    const { ok } = await run(process.execPath, [
      join(root, 'test', 'quality', 'eval.mjs'),
      ...(existsSync(evaluation) ? ['--eval', evaluation] : []),
      '--quick',
      '--gate',
    ]);
    return { ok };
  },
  'killed processes': async () => {
    // Finds the server by /proc.
    if (process.platform !== 'linux') return { skipped: true };
    const { ok, output } = await run(process.execPath, [
      join(root, 'test', 'load', 'kill-processes.mjs'),
      root,
      '--kills',
      '5',
    ]);
    return { ok, ...sum(output, /^(\d+) passed, (\d+) failed$/gm) };
  },
  'mixed load': async () => {
    // Watches the loaded process by /proc.
    if (process.platform !== 'linux') return { skipped: true };
    const { ok, output } = await run(process.execPath, [join(root, 'test', 'load', 'mixed.mjs'), '--minutes', '1']);
    return { ok, ...sum(output, /^(\d+) passed, (\d+) failed$/gm) };
  },
  'end to end': async () => {
    const missing = missingPrograms();
    if (missing.length > 0) {
      console.error(missing.join('\n'));
      // At a desk the rest of the tests is worth having without it; a merge is not.
      return process.env.CI ? { ok: false } : { skipped: true };
    }
    const { ok, output } = await run(process.execPath, [join(root, 'test', 'e2e', 'run.mjs')]);
    return { ok, ...sum(output, /^(\d+) passed, (\d+) failed$/gm) };
  },
};

/** Steps without which the others say nothing. */
const foundations = new Set(['prerequisites', 'install', 'build']);

function sum(output, pattern) {
  let passed = 0;
  let failed = 0;
  for (const [, good, bad] of output.matchAll(pattern)) {
    passed += Number(good);
    failed += Number(bad);
  }
  return { passed, failed };
}

/** A step whose tests all passed and that fails all the same (a crash, nothing ran) is one failure. */
function count({ ok, skipped, passed = 0, failed = 0 }) {
  if (skipped) return { passed: 0, failed: 0 };
  if (ok) return { passed: passed === 0 ? 1 : passed, failed };
  return { passed, failed: Math.max(1, failed) };
}

async function attempt(step) {
  try {
    return await step();
  } catch (error) {
    console.error(error.message);
    return { ok: false };
  }
}

async function main(wanted) {
  const unknown = wanted.filter((name) => !(name in steps));
  if (unknown.length > 0)
    throw new Error(`There is no step ${unknown.join(', ')}; there are: ${Object.keys(steps).join('; ')}.`);
  const summary = [];
  let passed = 0;
  let failed = 0;
  let grounded = true;
  for (const [name, step] of Object.entries(steps)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`\n=== ${name}`);
    const start = performance.now();
    const result = grounded ? await attempt(step) : { ok: false };
    if (!result.ok && foundations.has(name)) grounded = false;
    const counted = count(result);
    passed += counted.passed;
    failed += counted.failed;
    const verdict = result.skipped ? 'skipped' : result.ok ? 'ok' : grounded ? 'FAILED' : 'FAILED (not run)';
    const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(7);
    summary.push(`${seconds} s  ${verdict.padEnd(8)} ${name} (${counted.passed} passed, ${counted.failed} failed)`);
  }
  console.log(`\n${summary.join('\n')}\n\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    console.error(error.message);
    process.exitCode = 2;
  },
);
