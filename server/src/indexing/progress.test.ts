import { expect, test } from 'vitest';
import { ProgressMeter } from './progress.ts';

test('nothing is known before anything is done', () => {
  const meter = new ProgressMeter();
  meter.begin(0);
  meter.filesTotal = 10;
  expect(meter.rate(1000)).toBe(0);
  expect(meter.millisecondsLeft(1000)).toBeUndefined();
});

test('rate over the last seconds, time left at the mean pace', () => {
  const meter = new ProgressMeter();
  meter.begin(0);
  meter.filesTotal = 100;
  meter.committed(10, 50, 1000);
  expect(meter.rate(1000)).toBe(50);
  meter.committed(10, 150, 2000);
  expect(meter.rate(2000)).toBe(150);
  expect(meter.millisecondsLeft(2000)).toBe(8000);
});

test('a burst that goes on is not reset, a finished one is', () => {
  const meter = new ProgressMeter();
  meter.begin(0);
  meter.filesTotal = 2;
  meter.committed(1, 1, 10);
  meter.begin(20);
  expect(meter.filesDone).toBe(1);
  meter.committed(1, 1, 30);
  meter.begin(40);
  expect(meter.filesDone).toBe(0);
});
