import { describe, expect, test } from 'vitest';
import { CommanderError } from 'commander';
import { TiercelError, errorCodes } from '../../../protocol/errors.ts';
import type { IndexProgress } from '../../../protocol/status.ts';
import { exitCodeOf } from './exit-codes.ts';
import { duration, ProgressBar, progressLine } from './progress-bar.ts';
import { coverageNote, renderHits } from './render.ts';
import { renderResources } from './resources.ts';

const complete = { lexical: 1, instant: 1 };

describe('hits', () => {
  test('place, symbol, kind, language, score, and the snippet without its common indent', () => {
    const text = renderHits(
      [
        {
          path: 'src/a b.ts',
          startLine: 3,
          endLine: 5,
          symbol: 'A.run',
          kind: 'method',
          language: 'typescript',
          score: 0.03252,
          snippet: '  run() {\n    go();\n  }',
          snippetLine: 3,
          highlights: [],
        },
      ],
      complete,
    );
    expect(text).toBe(
      '  1. src/a b.ts:3  A.run · method · typescript  0.0325\n      run() {\n        go();\n      }\n',
    );
  });

  test('an empty snippet and an empty list are fine', () => {
    const hit = {
      path: 'a',
      startLine: 1,
      endLine: 1,
      symbol: '',
      kind: 'window',
      language: '',
      score: 1,
      snippet: '',
      snippetLine: 1,
      highlights: [],
    };
    expect(renderHits([hit], complete)).toContain('a:1  window');
    expect(renderHits([], complete)).toBe('No match.');
  });
});

describe('what is known of a hit', () => {
  const hit = {
    path: 'src/a.ts',
    startLine: 3,
    endLine: 30,
    symbol: 'run',
    kind: 'function',
    language: 'typescript',
    score: 1,
    snippet: Array.from({ length: 12 }, (_, at) => `  line${String(at)} rate();`).join('\n'),
    snippetLine: 10,
    highlights: [
      { line: 18, start: 8, end: 12 },
      { line: 19, start: 8, end: 12 },
    ],
  };

  test('the lines with the most of what matched are shown, and where they begin', () => {
    const text = renderHits([hit], complete);
    expect(text).toContain('      … line 14\n      line4 rate();');
    expect(text).toContain('line9 rate();');
    expect(text).not.toContain('line3 ');
    expect(text).not.toContain('\u001B');
  });

  test('what matched is in colour where that is wanted', () => {
    const text = renderHits([hit], complete, {}, { colour: true });
    expect(text).toContain('      line8 \u001B[1;33mrate\u001B[0m();');
    expect(text).toContain('      line7 rate();');
  });

  test('marks and folded places', () => {
    const folded = Array.from({ length: 7 }, (_, at) => ({ ...hit, path: `c${String(at)}.ts` }));
    const text = renderHits([{ ...hit, similarity: 0.929, marks: ['near-clone', 'test'], folded }], complete);
    expect(text).toContain('run · function · typescript · near-clone 92% · test of this  1.0000');
    expect(text).toContain('      7 similar: c0.ts:3, c1.ts:3, c2.ts:3, c3.ts:3, c4.ts:3, and 2 more\n');
  });

  test('an answer that does not fit says so above what is nearest', () => {
    expect(renderHits([hit], complete, { goodMatch: false })).toMatch(/^No good match\. The nearest are:\n\n {2}1\./);
    expect(renderHits([], complete, { goodMatch: false })).toBe('No match.');
    expect(renderHits([hit], complete, { goodMatch: true })).toMatch(/^ {2}1\./);
  });
});

test('coverage is said only where something is missing, and never rounded up to complete', () => {
  expect(coverageNote({ lexical: 1, instant: 1, deep: 1 })).toBeUndefined();
  expect(coverageNote({ lexical: 1, instant: 0.999, deep: 0 })).toBe('Not complete yet: vectors 99%, deep vectors 0%.');
});

test('progress line', () => {
  const line = progressLine({
    folder: '/f',
    phase: 'indexing',
    filesDone: 1200,
    filesTotal: 4800,
    chunksDone: 1,
    chunksPerSecond: 3400,
    millisecondsLeft: 61_000,
    chunks: 1,
  });
  expect(line).toBe('[######..................] 1,200/4,800 files  3,400 chunks/s  1 min 1 s left');
  expect(duration(1500)).toBe('2 s');
});

test('work that waits says so once where nobody sees the bar', () => {
  const written: string[] = [];
  const file = { isTTY: false, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
  const bar = new ProgressBar(file);
  const progress: IndexProgress = {
    folder: '/f',
    phase: 'indexing',
    filesDone: 5,
    filesTotal: 10,
    chunksDone: 1,
    chunksPerSecond: 3400,
    chunks: 1,
  };
  const waiting = { ...progress, waiting: 'waiting for memory: full.', message: 'waiting for memory: full.' };
  for (const step of [progress, waiting, waiting, progress, waiting]) bar.update(step);
  expect(written).toEqual(['tiercel: waiting for memory: full.\n', 'tiercel: waiting for memory: full.\n']);
  expect(progressLine(waiting)).toBe('[############............] 5/10 files  waiting for memory: full.');
});

test('memory and disk: used, limits, pressure, what holds it, how the vectors are searched', () => {
  const mebibyte = 1024 ** 2;
  const rows = renderResources({
    indexPath: '/cache/x',
    disk: { used: 20 * mebibyte, budget: 2000 * mebibyte },
    memory: {
      pressure: 0.834,
      level: 'refuse-writes',
      cause: 'budget',
      explanation: 'The memory budget is used up.',
      budget: 256 * mebibyte,
      used: 230 * mebibyte,
      parts: [{ name: 'vector pages', bytes: 200 * mebibyte }],
      tiers: [
        { class: 'bits', pages: 3, bytes: mebibyte, hits: 999, misses: 1, evictions: 0, promotions: 0 },
        { class: 'bytes', pages: 0, bytes: 0, hits: 0, misses: 0, evictions: 1200, promotions: 0 },
      ],
      alerts: [{ sequence: 1, atMs: 0, level: 'refuse-writes', message: 'Full.' }],
      policy: 'lru',
      kernel: 'avx2',
    },
    gpu: {
      mode: 'auto',
      sentence: 'RTX 3050 (discrete): CPU 0.90 ms, GPU 0.40 ms for 100000 vectors: the GPU is used.',
      adapter: 'RTX 3050',
      kind: 'discrete',
      driver: 'vulkan',
      budget: 1536 * mebibyte,
      held: 120 * mebibyte,
      vectors: 96 * mebibyte,
      hits: 9,
      misses: 1,
      evictions: 0,
      searches: 1200,
      failedOver: 2,
      events: [],
    },
    spaces: [
      {
        name: 'instant:a',
        vectors: 3400,
        index: 'cells',
        cells: 64,
        raw: 5,
        unreferenced: 7,
        bytesOnDisk: mebibyte,
        bytesInMemory: 0,
      },
      {
        name: 'deep:b',
        vectors: 0,
        index: 'empty',
        cells: 0,
        raw: 0,
        unreferenced: 0,
        bytesOnDisk: 0,
        bytesInMemory: 0,
      },
    ],
  });
  expect(rows.slice(0, -1)).toEqual([
    ['On disk', '20.0 MiB of 2,000 MiB (1%) in /cache/x'],
    ['In memory', '230 MiB of 256 MiB (90%) for all folders'],
    ['', 'vector pages 200 MiB'],
    ['Pressure', '0.83, refuse-writes: The memory budget is used up.'],
    ['Cache', 'bits: 1.0 MiB in 3 pages, 99.9% hits'],
    ['Index', 'instant:a: cells (64), 3,400 vectors, 7 unreferenced, 5 to be coded, 1.0 MiB on disk'],
    ['Index', 'deep:b: empty, 0 vectors'],
    ['Search', 'avx2, pages kept by lru'],
    ['GPU', 'RTX 3050 (discrete): CPU 0.90 ms, GPU 0.40 ms for 100000 vectors: the GPU is used.'],
    ['', '120 MiB of 1,536 MiB (8%) of its memory held, 96.0 MiB of that are vectors'],
    ['', '1,200 searches answered, 2 went back to the CPU'],
  ]);
  expect(rows.at(-1)?.[1]).toMatch(/^\d\d:\d\d:\d\d refuse-writes: Full\.$/);
});

test('exit codes', () => {
  expect(exitCodeOf(new TiercelError(errorCodes.indexFirst, ''))).toBe(3);
  expect(exitCodeOf(new TiercelError(errorCodes.fixTheCall, ''))).toBe(2);
  expect(exitCodeOf(new TiercelError(errorCodes.retryLater, ''))).toBe(4);
  expect(exitCodeOf(new TiercelError(errorCodes.memoryPressure, ''))).toBe(4);
  expect(exitCodeOf(new TiercelError(errorCodes.report, ''))).toBe(1);
  expect(exitCodeOf(new CommanderError(1, 'commander.unknownOption', ''))).toBe(2);
  expect(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', ''))).toBe(0);
  expect(exitCodeOf(new Error('x'))).toBe(1);
});
