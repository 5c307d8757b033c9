import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLogger, formatEntry, type LogEntry } from './logger.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiercel-log-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('writes one line per entry, with errors and their causes', () => {
  const file = join(folder, 'new', 'server.log');
  const logger = createLogger({ file });
  logger.info('ready, 5 % done');
  logger.error('it broke', new Error('outer', { cause: new Error('inner') }), { path: 'a.ts' });
  logger.close();
  const lines = readFileSync(file, 'utf8').split('\n');
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}ready, 5 % done$/);
  expect(lines[1]).toMatch(/^\S+Z error it broke Error: outer$/);
  expect(lines.slice(2, -1).every((line) => line.startsWith('    '))).toBe(true);
  expect(lines.join('\n')).toContain('inner');
  expect(lines.join('\n')).toContain("path: 'a.ts'");
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o077).toBe(0);
});

it('leaves out what is below its level, which may change', () => {
  const seen: LogEntry[] = [];
  const logger = createLogger({ level: 'warn' });
  const remove = logger.addSink((entry) => {
    seen.push(entry);
  });
  logger.info('no');
  logger.warn('yes');
  logger.level = 'debug';
  logger.debug('now');
  remove();
  logger.error('nobody listens');
  expect(seen.map(({ level, message }) => [level, message])).toEqual([
    ['warn', 'yes'],
    ['debug', 'now'],
  ]);
});

it('rotates by size and keeps the newest files, across restarts', () => {
  const file = join(folder, 'server.log');
  for (let run = 0; run < 3; run++) {
    const logger = createLogger({ file, maxBytes: 1000, maxFiles: 3 });
    for (let i = 0; i < 40; i++) logger.info(`run ${String(run)} entry ${String(i)}`);
    logger.close();
  }
  expect(readdirSync(folder).sort()).toEqual(['server.log', 'server.log.1', 'server.log.2']);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1000);
  const newestFirst = ['server.log', 'server.log.1', 'server.log.2'].map((name) =>
    readFileSync(join(folder, name), 'utf8'),
  );
  const entries = newestFirst.reverse().join('').trimEnd().split('\n');
  expect(entries.at(-1)).toContain('run 2 entry 39');
  expect(entries.map((line) => Number(/entry (\d+)/.exec(line)?.[1]))).toEqual(
    Array.from({ length: entries.length }, (_, i) => (120 - entries.length + i) % 40),
  );
});

it('never throws: not for a file that cannot be written, nor for a sink that fails', () => {
  mkdirSync(join(folder, 'taken'));
  const seen: string[] = [];
  const logger = createLogger({ file: join(folder, 'taken') });
  logger.addSink(() => {
    throw new Error('sink');
  });
  logger.addSink(({ message }) => {
    seen.push(message);
  });
  logger.error('still here');
  logger.close();
  logger.error('after the end');
  logger.close();
  expect(seen).toEqual(['still here']);
});

it('starts over where nothing can be kept', () => {
  const file = join(folder, 'single.log');
  const logger = createLogger({ file, maxBytes: 300, maxFiles: 1 });
  for (let i = 0; i < 30; i++) logger.info(`entry ${String(i)}`);
  logger.close();
  expect(existsSync(`${file}.1`)).toBe(false);
  expect(statSync(file).size).toBeLessThanOrEqual(300);
  expect(readFileSync(file, 'utf8')).toContain('entry 29');
});

it('indents further lines, so that entries can be told apart', () => {
  expect(formatEntry({ time: new Date(0), level: 'warn', message: 'a\nb\n' })).toBe(
    '1970-01-01T00:00:00.000Z warn  a\n    b\n',
  );
});
