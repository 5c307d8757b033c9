/** The log of one process: a file that is rotated by size, and sinks that others hang in (a client's output channel). */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { format, inspect } from 'node:util';
import { logLevels, type LogLevel } from '../../../protocol/settings.ts';

export interface LogEntry {
  time: Date;
  level: LogLevel;
  /** One or more lines: an error brings its stack. */
  message: string;
}

export type LogSink = (entry: LogEntry) => void;

export interface Logger {
  level: LogLevel;
  /** Errors among `details` are written with their stack and causes, all else as `console.log` would. */
  error(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  debug(message: string, ...details: unknown[]): void;
  /** @returns takes the sink away again */
  addSink(sink: LogSink): () => void;
  close(): void;
}

export interface LoggerOptions {
  /** Absolute path; its folder is made. Without it only the sinks get entries. */
  file?: string;
  level?: LogLevel;
  /** Size at which the file becomes `FILE.1`. */
  maxBytes?: number;
  /** Files kept, the current one among them. */
  maxFiles?: number;
}

/** Logging never throws: a log that cannot be written must not stop the work it tells of. */
export function createLogger(options: LoggerOptions): Logger {
  return new FileLogger(options);
}

/** An entry as it stands in the file: one line, further lines of the message indented below it. */
export function formatEntry({ time, level, message }: LogEntry): string {
  return `${time.toISOString()} ${level.padEnd(5)} ${message.trimEnd().replaceAll('\n', '\n    ')}\n`;
}

class FileLogger implements Logger {
  level: LogLevel;
  readonly #file: string | undefined;
  readonly #maxBytes: number;
  readonly #maxFiles: number;
  readonly #sinks = new Set<LogSink>();
  #descriptor: number | undefined;
  #bytes = 0;
  #closed = false;

  constructor({ file, level = 'info', maxBytes = 2 * 1024 * 1024, maxFiles = 5 }: LoggerOptions) {
    this.level = level;
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#maxFiles = maxFiles;
  }

  error(message: string, ...details: unknown[]): void {
    this.#log('error', message, details);
  }

  warn(message: string, ...details: unknown[]): void {
    this.#log('warn', message, details);
  }

  info(message: string, ...details: unknown[]): void {
    this.#log('info', message, details);
  }

  debug(message: string, ...details: unknown[]): void {
    this.#log('debug', message, details);
  }

  addSink(sink: LogSink): () => void {
    this.#sinks.add(sink);
    return () => {
      this.#sinks.delete(sink);
    };
  }

  close(): void {
    this.#closed = true;
    this.#sinks.clear();
    this.#quietly(() => {
      this.#closeFile();
    });
  }

  #log(level: LogLevel, message: string, details: unknown[]): void {
    if (this.#closed || logLevels.indexOf(level) > logLevels.indexOf(this.level)) return;
    this.#quietly(() => {
      const words = details.map((detail) => (detail instanceof Error ? inspect(detail) : detail));
      const entry: LogEntry = {
        time: new Date(),
        level,
        message: words.length === 0 ? message : format('%s', message, ...words),
      };
      this.#quietly(() => {
        this.#write(formatEntry(entry));
      });
      for (const sink of this.#sinks) {
        this.#quietly(() => {
          sink(entry);
        });
      }
    });
  }

  /** Written at once: the lines before a crash are the ones that are needed. */
  #write(line: string): void {
    if (this.#file === undefined) return;
    const bytes = Buffer.from(line);
    if (this.#descriptor !== undefined && this.#bytes + bytes.length > this.#maxBytes) this.#rotate(this.#file);
    if (this.#descriptor === undefined) {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      this.#descriptor = openSync(this.#file, 'a', 0o600);
      this.#bytes = fstatSync(this.#descriptor).size;
      if (this.#bytes > 0 && this.#bytes + bytes.length > this.#maxBytes) {
        this.#rotate(this.#file);
        this.#write(line);
        return;
      }
    }
    writeSync(this.#descriptor, bytes);
    this.#bytes += bytes.length;
  }

  /** FILE.1 becomes FILE.2 and so on; the oldest goes. */
  #rotate(file: string): void {
    this.#closeFile();
    rmSync(`${file}.${String(this.#maxFiles - 1)}`, { force: true });
    for (let age = this.#maxFiles - 2; age >= 0; age--) {
      this.#quietly(() => {
        renameSync(age === 0 ? file : `${file}.${String(age)}`, `${file}.${String(age + 1)}`);
      });
    }
    // With a single file, or where renaming is refused, the log starts over rather than grow without end.
    if (this.#maxFiles < 2) rmSync(file, { force: true });
  }

  #closeFile(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }

  #quietly(work: () => void): void {
    try {
      work();
    } catch {
      // There is no place left to tell it.
    }
  }
}
