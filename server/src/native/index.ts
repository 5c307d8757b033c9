/** The Rust addon: the one place that loads it, and the one that turns its errors into ours. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, TiercelError, cancelled, errorCodes, messageOf } from '../../../protocol/errors.ts';
import type * as Addon from './addon.d.ts';

export type {
  CandidateColumns,
  ChunkColumns,
  EngineSettings,
  EngineStatus,
  FileColumns,
  FileLock,
  FilterInput,
  HitColumns,
  NativeStore,
  SpaceInput,
  VectorColumns,
} from './addon.d.ts';

let loaded: typeof Addon | undefined;

/**
 * The addon: the file that `TIERCEL_NATIVE` names, else `native/tiercel.node` beside the bundle, else the one that
 * `npm run build` put under `dist/` of this source tree.
 *
 * @throws TiercelError `InstallWhatIsMissing` when there is none or this machine cannot load it.
 */
function addon(): typeof Addon {
  loaded ??= load();
  return loaded;
}

function load(): typeof Addon {
  const named = process.env['TIERCEL_NATIVE'];
  const places = ['native/tiercel.node', '../../../dist/native/tiercel.node'];
  const candidates =
    named === undefined || named === ''
      ? places.map((place) => fileURLToPath(new URL(place, import.meta.url)))
      : [named];
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) {
    throw new TiercelError(
      errorCodes.installWhatIsMissing,
      `The search engine is not built (no ${candidates.join(' and no ')}): run npm run build.`,
    );
  }
  try {
    // The shape is generated from the Rust sources of the same build.
    return createRequire(import.meta.url)(file) as typeof Addon;
  } catch (cause) {
    throw new TiercelError(
      errorCodes.installWhatIsMissing,
      `The search engine in ${file} cannot be loaded here (${messageOf(cause)}): run npm run build.`,
      { cause },
    );
  }
}

const codes: ReadonlySet<string> = new Set(Object.values(errorCodes));

function isErrorCode(word: string): word is ErrorCode {
  return codes.has(word);
}

/** What the addon threw, as a TiercelError. Its own errors read `tiercel:CODE:RETRY_AFTER_MS:MESSAGE`. */
function translated(thrown: unknown): TiercelError {
  const [, code = '', retry = '', message = ''] = /^tiercel:(\w+):(\d*):([^]*)$/.exec(messageOf(thrown)) ?? [];
  if (code === errorCodes.cancelled) {
    return cancelled();
  }
  if (isErrorCode(code)) {
    return new TiercelError(code, message, retry === '' ? {} : { retryAfterMs: Number(retry) });
  }
  // Anything else was refused at the border: an argument of the wrong type.
  return new TiercelError(errorCodes.report, `The engine refused a call: ${messageOf(thrown)}`, { cause: thrown });
}

/** Runs a call of the addon and waits for it; whatever it throws becomes a TiercelError. */
export async function settle<T>(call: (addon: typeof Addon) => T | Promise<T>): Promise<T> {
  const native = addon();
  try {
    return await call(native);
  } catch (thrown) {
    throw translated(thrown);
  }
}

/** A call, because the compiler takes the flag to keep the value it was last seen with. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/**
 * Runs a call that stops when `signal` fires: it rejects with `Cancelled` within milliseconds then.
 *
 * @param call gets the token to hand to the addon, absent when there is no signal
 */
export async function settleUnlessAborted<T>(
  signal: AbortSignal | undefined,
  call: (token: Addon.CancelToken | undefined) => Promise<T>,
): Promise<T> {
  if (signal === undefined) {
    return settle(() => call(undefined));
  }
  if (isAborted(signal)) throw cancelled();
  const value = await settle(async ({ CancelToken }) => {
    const token = new CancelToken();
    const cancel = (): void => {
      token.cancel();
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await call(token);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  });
  // It fired when the work was done already: whoever cancelled does not want the outcome.
  if (isAborted(signal)) throw cancelled();
  return value;
}

/** The GPU as it is now. */
export function gpuFigures(): Addon.GpuFigures {
  const native = addon();
  try {
    return native.gpuStatus();
  } catch (thrown) {
    throw translated(thrown);
  }
}

/**
 * Tries to take the lock file at `path` (its folder must exist) without waiting.
 *
 * @returns the lock, held until `release` or the end of the process; undefined when another process holds it.
 * @throws TiercelError `FixTheMachine` when the file cannot be made.
 */
export function acquireFileLock(path: string): Addon.FileLock | undefined {
  const got = attempt(path);
  return 'release' in got ? got : undefined;
}

/** Process id of the holder of the lock at `path`; undefined when it is free or the holder is unknown. */
export function fileLockHolder(path: string): number | undefined {
  const got = attempt(path);
  if (!('release' in got)) {
    return got.pid;
  }
  got.release();
  return undefined;
}

function attempt(path: string): Addon.FileLock | Addon.LockHolder {
  const native = addon();
  try {
    return native.acquireFileLock(path);
  } catch (thrown) {
    throw translated(thrown);
  }
}

/**
 * Says what the engine of this process may take. Open stores follow at once; may be called again at any time.
 *
 * @throws TiercelError `FixTheCall` for values that cannot be, `InstallWhatIsMissing` without the engine
 */
export function configureEngine(settings: Addon.EngineSettings): void {
  const native = addon();
  try {
    native.configureEngine(settings);
  } catch (thrown) {
    throw translated(thrown);
  }
}

/**
 * What the engine of this process holds, at once and cheaply.
 *
 * @param alertsSince only alerts with a greater sequence are given
 */
export function engineStatus(alertsSince?: number): Addon.EngineStatus {
  const native = addon();
  try {
    return native.engineStatus(alertsSince);
  } catch (thrown) {
    throw translated(thrown);
  }
}

/** Static token vectors: texts to vectors of unit length, off the event loop. */
export class StaticEmbedder {
  readonly #native: Addon.StaticEmbedder;

  private constructor(native: Addon.StaticEmbedder) {
    this.#native = native;
  }

  /**
   * @param vectorsPath `vectors.bin`
   * @param vocabularyPath the vocabulary that belongs to it
   * @throws TiercelError `InstallWhatIsMissing`, `UpdateTiercel` or `FixTheMachine`
   */
  static async load(vectorsPath: string, vocabularyPath: string): Promise<StaticEmbedder> {
    return new StaticEmbedder(await settle((native) => native.StaticEmbedder.load(vectorsPath, vocabularyPath)));
  }

  /** Components of a vector. */
  get dimension(): number {
    return this.#native.dimension;
  }

  /** Changes whenever the vectors would. */
  get checksum(): number {
    return this.#native.checksum;
  }

  /** `texts.length` x `dimension` components, row-major. */
  embed(texts: string[]): Promise<Float32Array> {
    return settle(() => this.#native.embed(texts));
  }
}
