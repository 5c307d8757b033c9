import { describe, expect, test } from 'vitest';
import { CommanderError } from 'commander';
import { TiercelError, errorCodes } from '../../../protocol/errors.ts';
import { exitCodeOf } from './exit-codes.ts';
import { duration, progressLine } from './progress-bar.ts';
import { coverageNote, renderHits } from './render.ts';

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
    };
    expect(renderHits([hit], complete)).toContain('a:1  window');
    expect(renderHits([], complete)).toBe('No match.');
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

test('exit codes', () => {
  expect(exitCodeOf(new TiercelError(errorCodes.indexFirst, ''))).toBe(3);
  expect(exitCodeOf(new TiercelError(errorCodes.fixTheCall, ''))).toBe(2);
  expect(exitCodeOf(new TiercelError(errorCodes.retryLater, ''))).toBe(4);
  expect(exitCodeOf(new TiercelError(errorCodes.report, ''))).toBe(1);
  expect(exitCodeOf(new CommanderError(1, 'commander.unknownOption', ''))).toBe(2);
  expect(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', ''))).toBe(0);
  expect(exitCodeOf(new Error('x'))).toBe(1);
});
