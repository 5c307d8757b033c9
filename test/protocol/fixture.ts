/** A small real repository, a private home for the server's data, and ways to talk to the built server. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Writable } from 'node:stream';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type ProtocolConnection,
} from 'vscode-languageserver/node';
import { notifications } from '../../protocol/methods.ts';
import type { SettingsInput } from '../../protocol/settings.ts';
import type { IndexProgress } from '../../protocol/status.ts';

export const mainFile = resolve(import.meta.dirname, '../../dist/main.mjs');

/**
 * Polled until it holds; other test files run beside, so the deadline says nothing about speed. The promise of 2 s is held
 * to by the end-to-end test, which has the machine for itself.
 */
export const eventually = { timeout: 20_000, interval: 50 };

const files: Record<string, string> = {
  'src/router.ts': `/** Keeps the table of routes. */
export class Router {
  private readonly table = new Map<string, Handler>();

  /** Registers a handler for a path. */
  register(path: string, handler: Handler): void {
    if (this.table.has(path)) throw new Error(\`route \${path} is taken\`);
    this.table.set(path, handler);
  }

  /** Finds the handler of a request. */
  match(path: string): Handler | undefined {
    return this.table.get(path);
  }
}

export type Handler = (request: Request) => Promise<Response>;
`,
  'src/session store.py': `"""Sessions kept in memory."""
import time


class SessionStore:
    """Holds sessions until they expire."""

    def __init__(self, lifetime):
        self.lifetime = lifetime
        self.sessions = {}

    def open_session(self, user):
        """Create a session for a user who logged in."""
        token = make_token(user)
        self.sessions[token] = (user, time.time())
        return token

    def expire_sessions(self, now):
        """Forget sessions that are too old."""
        for token, (_, created) in list(self.sessions.items()):
            if now - created > self.lifetime:
                del self.sessions[token]
`,
  'lib/größe.go': `package lib

// ParseSize reads a human size such as 10MB and returns bytes.
func ParseSize(text string) (int64, error) {
	number, unit := split(text)
	factor, ok := units[unit]
	if !ok {
		return 0, ErrUnit
	}
	return number * factor, nil
}
`,
  'README.md': '# Sample\n\nA sample with a router and sessions.\n',
  '.gitignore': 'build/\n',
  'build/ignored.ts': 'export function neverIndexed() { return 1; }\n',
};

export interface Fixture {
  folder: string;
  home: string;
  env: NodeJS.ProcessEnv;
  write(path: string, text: string): void;
  read(path: string): string;
  dispose(): Promise<void>;
}

export function createFixture(): Fixture {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tiercel-protocol-')));
  const folder = join(base, 'work tree');
  const home = join(base, 'home');
  const env = { ...process.env, TIERCEL_HOME: home, TIERCEL_IDLE_MS: '20000' };
  const write = (path: string, text: string): void => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  execFileSync('git', ['init', '--quiet'], { cwd: folder });
  return {
    folder,
    home,
    env,
    write,
    read: (path) => readFileSync(join(folder, path), 'utf8'),
    dispose: async () => {
      await tiercel(env, ['stop']);
      rmSync(base, { recursive: true, force: true });
    },
  };
}

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** @param main of the package that is run, if it is another than this one */
export async function tiercel(
  env: NodeJS.ProcessEnv,
  args: readonly string[],
  input = '',
  main = mainFile,
): Promise<CliResult> {
  const child = spawn(process.execPath, [main, ...args], { env });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  child.stdin.end(input);
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}

export interface LspClient {
  connection: ProtocolConnection;
  /** Resolves with the first progress notification, past or future, that satisfies the condition. */
  progress(condition: (progress: IndexProgress) => boolean): Promise<IndexProgress>;
  /** Sends all that `send` sends in one piece, so that the server has the whole of it before it begins. */
  inOnePiece(send: () => void): Promise<void>;
  /** Ends the way an editor does: shutdown, exit. Resolves with the exit code of the pipe. */
  end(): Promise<number | null>;
}

/** An LSP client on `tiercel lsp --stdio`, initialised with one workspace folder (or none). */
export async function openLsp(
  env: NodeJS.ProcessEnv,
  folder?: string,
  settings: SettingsInput = {},
): Promise<LspClient> {
  const child = spawn(process.execPath, [mainFile, 'lsp', '--stdio'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let gathered: Buffer[] | undefined;
  // Not cork(): the writer waits for each part to be written before it sends the next.
  const outgoing = new Writable({
    write: (part: Buffer, _encoding, done) => {
      if (gathered === undefined) child.stdin.write(part, done);
      else {
        gathered.push(part);
        done();
      }
    },
  });
  const connection = createProtocolConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(outgoing));
  const seen: IndexProgress[] = [];
  const waiting = new Set<(progress: IndexProgress) => void>();
  connection.onNotification(notifications.progress, (progress: IndexProgress) => {
    seen.push(progress);
    for (const listener of waiting) listener(progress);
  });
  connection.listen();
  await connection.sendRequest('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: { workspace: { workspaceFolders: true } },
    initializationOptions: settings,
    workspaceFolders: folder === undefined ? null : [{ uri: pathToFileURL(folder).href, name: 'sample' }],
  });
  await connection.sendNotification('initialized', {});
  return {
    connection,
    progress: (condition) => {
      const past = seen.find(condition);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((done) => {
        const listener = (progress: IndexProgress): void => {
          if (!condition(progress)) return;
          waiting.delete(listener);
          done(progress);
        };
        waiting.add(listener);
      });
    },
    inOnePiece: async (send) => {
      const parts: Buffer[] = [];
      gathered = parts;
      send();
      // Messages are written in order: when this one is, those before it are.
      await connection.sendNotification('$/setTrace', { value: 'off' });
      gathered = undefined;
      child.stdin.write(Buffer.concat(parts));
    },
    end: async () => {
      const closed = once(child, 'close');
      await connection.sendRequest('shutdown');
      await connection.sendNotification('exit');
      await closed;
      return child.exitCode;
    },
  };
}
