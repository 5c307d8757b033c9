/** A client of the real server, as an editor is one: documents, file events, folders; and the hand that kills the server. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type ProtocolConnection,
} from 'vscode-languageserver/node';
import { methods } from '../../protocol/methods.ts';
import type { SettingsInput } from '../../protocol/settings.ts';
import type { FilesResult, FolderStatus, IndexedFile } from '../../protocol/status.ts';
import { mainFile } from '../protocol/fixture.ts';

const uriOf = (path: string): string => pathToFileURL(path).href;

export interface ClientOptions {
  home: string;
  folders: readonly string[];
  /** The client tells what happens to files; otherwise the server watches. */
  tells: boolean;
  settings?: SettingsInput;
  /** A program that runs the client, and so the server it starts. */
  prefix?: readonly string[];
}

export class Client {
  readonly connection: ProtocolConnection;
  readonly #child: ChildProcess;
  readonly #home: string;

  private constructor(child: ChildProcess, connection: ProtocolConnection, home: string) {
    this.#child = child;
    this.connection = connection;
    this.#home = home;
  }

  static async open({ home, folders, tells, settings = {}, prefix = [] }: ClientOptions): Promise<Client> {
    const env = { ...process.env, TIERCEL_HOME: home, TIERCEL_IDLE_MS: '20000', TIERCEL_RECONCILE_MS: '700' };
    const command = [...prefix, process.execPath, mainFile, 'lsp', '--stdio'];
    const child = spawn(command[0] ?? '', command.slice(1), { env, stdio: ['pipe', 'pipe', 'ignore'] });
    const connection = createProtocolConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    // The server may be killed while something is written to it.
    child.stdin.on('error', () => undefined);
    connection.onError(() => undefined);
    connection.onRequest('client/registerCapability', () => null);
    connection.listen();
    await connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {
        workspace: { workspaceFolders: true, didChangeWatchedFiles: { dynamicRegistration: tells } },
      },
      initializationOptions: { deep: 'off', ...settings },
      workspaceFolders: folders.map((folder) => ({ uri: uriOf(folder), name: folder })),
    });
    await connection.sendNotification('initialized', {});
    return new Client(child, connection, home);
  }

  async didOpen(path: string, text: string, version: number): Promise<void> {
    const textDocument = { uri: uriOf(path), languageId: 'plaintext', version, text };
    await this.connection.sendNotification('textDocument/didOpen', { textDocument });
  }

  async didChange(path: string, text: string, version: number): Promise<void> {
    const params = { textDocument: { uri: uriOf(path), version }, contentChanges: [{ text }] };
    await this.connection.sendNotification('textDocument/didChange', params);
  }

  async didSave(path: string): Promise<void> {
    await this.connection.sendNotification('textDocument/didSave', { textDocument: { uri: uriOf(path) } });
  }

  async didClose(path: string): Promise<void> {
    await this.connection.sendNotification('textDocument/didClose', { textDocument: { uri: uriOf(path) } });
  }

  async changeFolders(added: readonly string[], removed: readonly string[]): Promise<void> {
    const list = (folders: readonly string[]) => folders.map((folder) => ({ uri: uriOf(folder), name: folder }));
    const event = { added: list(added), removed: list(removed) };
    await this.connection.sendNotification('workspace/didChangeWorkspaceFolders', { event });
  }

  /** @param changes path -> 1 created, 2 changed, 3 deleted */
  async didChangeFiles(changes: ReadonlyMap<string, 1 | 2 | 3>): Promise<void> {
    const events = [...changes].map(([path, type]) => ({ uri: uriOf(path), type }));
    if (events.length > 0) {
      await this.connection.sendNotification('workspace/didChangeWatchedFiles', { changes: events });
    }
  }

  status(folder: string): Promise<FolderStatus> {
    return this.connection.sendRequest<FolderStatus>(methods.status, { folder });
  }

  async files(folder: string): Promise<IndexedFile[]> {
    const all: IndexedFile[] = [];
    for (let more = true; more;) {
      const after = all.at(-1)?.path;
      const page = await this.connection.sendRequest<FilesResult>(methods.files, {
        folder,
        limit: 5000,
        ...(after === undefined ? {} : { after }),
      });
      all.push(...page.files);
      more = page.more;
    }
    return all;
  }

  /** Kills the server of this client's home, and with it this connection. */
  async killServer(): Promise<void> {
    const gone = this.#child.exitCode === null ? once(this.#child, 'close') : Promise.resolve();
    for (const pid of serverProcesses(this.#home, 'daemon')) kill(pid);
    await Promise.race([gone, delay(5000)]);
    this.#child.kill('SIGKILL');
    this.connection.dispose();
  }

  async end(): Promise<void> {
    const closed = once(this.#child, 'close');
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    await closed;
    this.connection.dispose();
  }
}

/** Ends a process at once; one that is gone already is fine. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return;
  }
}

/** @param role the entry of `main.mjs`: `daemon`, `parse`, `inference` */
export function serverProcesses(home: string, role: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const args = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').split('\0');
        const ours = args.includes(mainFile) && args.includes(role);
        return ours && readFileSync(join('/proc', pid, 'environ'), 'utf8').includes(`TIERCEL_HOME=${home}\0`)
          ? [Number(pid)]
          : [];
      } catch {
        // It ended between listing and reading.
        return [];
      }
    });
}
