/**
 * Indexes the repositories of an evaluation set through the command line, asks its questions and scores the answers.
 *
 *   node test/quality/repo-questions.mjs --eval FOLDER [--only REPO,REPO] [--deep] [--out FOLDER]
 *
 * FOLDER holds `repo-questions/` and `tools/` (see docs/testing.md). Prints the scorer's own table, indexing time, chunks
 * and disk per repository, peak memory of the server, and p50/p99 of the queries as the server reports them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const mainFile = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'main.mjs');
const { values } = parseArgs({
  options: {
    eval: { type: 'string' },
    only: { type: 'string' },
    out: { type: 'string' },
    deep: { type: 'boolean', default: false },
  },
});
if (values.eval === undefined || !existsSync(join(values.eval, 'repo-questions'))) {
  console.error('usage: node test/quality/repo-questions.mjs --eval FOLDER_WITH_repo-questions_AND_tools');
  process.exit(2);
}

const set = join(values.eval, 'repo-questions');
const work = mkdtempSync(join(tmpdir(), 'tiercel-eval-'));
const env = { ...process.env, TIERCEL_HOME: join(work, 'home') };

function tiercel(args, input) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [mainFile, ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const out = [];
    child.stdout.on('data', (part) => out.push(part));
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(new Error(`tiercel ${args.join(' ')} ended with ${code}`));
    });
    child.stdin.end(input ?? '');
  });
}

/** Peak resident memory in MB of each process of ours, by entry; Linux only. */
function peakMemory() {
  const peaks = {};
  for (const pid of existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : []) {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (!args.includes(mainFile)) continue;
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(env.TIERCEL_HOME)) continue;
      const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
      const entry = args[args.indexOf(mainFile) + 1];
      peaks[entry] = Math.max(peaks[entry] ?? 0, Math.round(Number(peak?.[1] ?? 0) / 1024));
    } catch {
      // The process ended between listing and reading.
    }
  }
  return peaks;
}

const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

try {
  execFileSync(process.execPath, [join(values.eval, 'tools', 'unpack.js'), set, join(work, 'repos')]);
  const queries = readFileSync(join(set, 'queries.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const wanted = values.only?.split(',');
  const repos = [...new Set(queries.map(({ repo }) => repo))].filter((repo) => wanted?.includes(repo) ?? true);
  const hits = [];
  const rows = [];
  const times = [];
  for (const repo of repos) {
    const folder = join(work, 'repos', repo);
    const start = performance.now();
    await tiercel(['index', folder, '--json', ...(values.deep ? ['--deep'] : [])]);
    const seconds = (performance.now() - start) / 1000;
    const status = JSON.parse(await tiercel(['status', folder, '--json']));
    rows.push({
      repo,
      files: status.files,
      chunks: status.chunks,
      seconds: Number(seconds.toFixed(1)),
      'chunks/s': Math.round(status.chunks / seconds),
      'disk MB': Number((status.bytesOnDisk / 1e6).toFixed(1)),
      notes: JSON.stringify(status.notes.counts),
    });
    const asked = queries.filter((query) => query.repo === repo);
    const lines = (
      await tiercel(['search', folder, '--stdin', '--json'], asked.map(({ text }) => `${text}\n`).join(''))
    )
      .trim()
      .split('\n');
    lines.forEach((line, i) => {
      const answer = JSON.parse(line);
      times.push(answer.timings.total);
      hits.push({
        id: asked[i].id,
        hits: answer.hits.map(({ path, startLine, endLine }) => ({ path, start: startLine, end: endLine })),
      });
    });
  }
  const hitsFile = join(values.out ?? work, 'hits.jsonl');
  writeFileSync(hitsFile, hits.map((hit) => `${JSON.stringify(hit)}\n`).join(''));
  console.table(rows);
  times.sort((a, b) => a - b);
  console.log(
    `queries ${times.length}  p50 ${percentile(times, 0.5).toFixed(1)} ms  p99 ${percentile(times, 0.99).toFixed(1)} ms`,
  );
  console.log('peak resident memory, MB:', JSON.stringify(peakMemory()));
  const scorer = join(values.eval, 'tools', 'eval-repo-questions.js');
  for (const by of ['language', 'category']) {
    console.log(execFileSync(process.execPath, [scorer, '--dir', set, '--hits', hitsFile, '--by', by]).toString());
  }
} finally {
  await tiercel(['stop']).catch((error) => console.error(error.message));
  rmSync(work, { recursive: true, force: true });
}
