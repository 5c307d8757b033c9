/** One connected client: LSP in, calls on the host out. Holds no index state. */
import type { Socket } from 'node:net';
import {
  createConnection,
  DidChangeWatchedFilesNotification,
  FileChangeType,
  ProposedFeatures,
  TextDocumentSyncKind,
  WorkDoneProgress,
  type CancellationToken,
  type InitializeParams,
  type InitializeResult,
  type ProgressToken,
} from 'vscode-languageserver';
import { createProtocolConnection, SocketMessageReader, SocketMessageWriter } from 'vscode-languageserver/node';
import type { z } from 'zod';
import { prettifyError } from 'zod';
import { clonesParamsSchema } from '../../../protocol/clones.ts';
import { TiercelError, cancelled, errorCodes, isCancelled, messageOf } from '../../../protocol/errors.ts';
import { methods, notifications } from '../../../protocol/methods.ts';
import { searchParamsSchema, similarParamsSchema } from '../../../protocol/search.ts';
import { filesParamsSchema, folderParamsSchema, indexParamsSchema } from '../../../protocol/status.ts';
import type { Folder } from '../host/folder.ts';
import type { Host } from '../host/host.ts';
import type { Logger } from '../logging/logger.ts';
import { resolveSettings, type ResolvedSettings } from '../settings/index.ts';
import { isTooBroad } from './broad.ts';
import { OpenDocuments } from './documents.ts';
import { toResponseError } from './errors.ts';
import { SessionFolders, toPath } from './folders.ts';
import { WaitingNotice } from './waiting.ts';

export interface SessionOptions {
  socket: Socket;
  host: Host;
  logger: Logger;
  version: string;
  /** Ends the server for every client. Idempotent. */
  shutdownServer: () => void;
}

const shutdownGraceMs = 1000;

type Handler = (params: unknown, signal: AbortSignal) => Promise<unknown>;

/** Serves the client until it disconnects. */
export function runSession(options: SessionOptions): Promise<void> {
  return new Session(options).run();
}

class Session {
  readonly #options: SessionOptions;
  readonly #connection;
  readonly #folders: SessionFolders;
  readonly #documents: OpenDocuments;
  readonly #closing = new AbortController();
  #settings: ResolvedSettings;
  #canPullSettings = false;
  #canChangeFolders = false;
  /** The client tells what happens in its folders, when asked to. */
  #canTell = false;
  #workspaceFolders: string[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    const { socket } = options;
    this.#settings = resolveSettings(undefined).settings;
    this.#connection = createConnection(
      (logger) => createProtocolConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket), logger),
      // The process is shared by all clients: `exit` of one ends its connection only.
      { shutdownReceived: false, initialize: () => undefined, exit: () => socket.end() },
      ProposedFeatures.all,
    );
    const waiting = new WaitingNotice((message) => {
      this.#connection.window.showWarningMessage(message);
    });
    this.#folders = new SessionFolders(options.host, this.#settings, (progress) => {
      void this.#connection.sendNotification(notifications.progress, progress);
      waiting.follow(progress);
    });
    this.#documents = new OpenDocuments(this.#connection, this.#folders);
    this.#closing.signal.addEventListener('abort', () => {
      waiting.close();
      this.#documents.close();
    });
  }

  run(): Promise<void> {
    const { socket, logger } = this.#options;
    const connection = this.#connection;
    connection.onInitialize((params) => this.#initialize(params));
    connection.onInitialized(() => this.#initialized());
    connection.onDidChangeConfiguration(({ settings }) => this.#settingsChanged(settings));
    connection.onShutdown(() => undefined);
    connection.onDidChangeWatchedFiles(({ changes }) => {
      const files = changes.filter(({ uri }) => uri.startsWith('file:'));
      this.#folders.touched(
        files.map(({ uri, type }) => ({ path: toPath(uri), renamed: type !== FileChangeType.Changed })),
      );
    });
    for (const [method, handler] of this.#handlers()) {
      connection.onRequest(method, (params: unknown, token: CancellationToken) =>
        this.#answer(method, handler, params, token),
      );
    }
    connection.onExecuteCommand(({ command, arguments: args }, token) => {
      const handler = this.#handlers().get(command);
      if (handler === undefined) {
        return toResponseError(
          new TiercelError(errorCodes.fixTheCall, `There is no command ${command}.`),
          command,
          logger,
        );
      }
      return this.#answer(command, handler, args?.[0], token);
    });
    const stopLog = logger.addSink(({ level, message }) => {
      if (level === 'debug') return;
      connection.console[level](message);
    });
    return new Promise((resolve) => {
      socket.on('error', (error) => {
        logger.debug(`client connection: ${error.message}`);
      });
      socket.once('close', () => {
        stopLog();
        this.#closing.abort();
        this.#options.host.engine.forget(this);
        this.#options.host.background.forget(this);
        connection.dispose();
        void this.#folders.close().then(resolve);
      });
      connection.listen();
    });
  }

  #handlers(): Map<string, Handler> {
    const folders = this.#folders;
    return new Map<string, Handler>([
      [
        methods.search,
        async (raw, signal) => {
          const params = parse(searchParamsSchema, raw);
          return (await folders.folder(params.folder)).search(params, signal);
        },
      ],
      [
        methods.similar,
        async (raw, signal) => {
          const params = parse(similarParamsSchema, raw);
          return (await folders.folder(params.folder)).similar(params, signal);
        },
      ],
      [
        methods.clones,
        async (raw, signal) => {
          const params = parse(clonesParamsSchema, raw);
          const folder = await folders.folder(params.folder);
          return folder.clones(params, signal, this.#workDone(params.workDoneToken));
        },
      ],
      [methods.status, async (raw) => (await folders.folder(parse(folderParamsSchema, raw).folder)).status()],
      [
        methods.index,
        async (raw, signal) => {
          const params = parse(indexParamsSchema, raw);
          if (params.rebuild) await folders.rebuild(params.folder);
          const folder = await (await folders.slot(params.folder, true)).recovered();
          return folder.index(params, signal);
        },
      ],
      [methods.pause, (raw) => this.#command(raw, (folder) => folder.pause())],
      [methods.resume, (raw) => this.#command(raw, (folder) => folder.resume())],
      [methods.cancel, (raw) => this.#command(raw, (folder) => folder.cancel())],
      [methods.retry, async (raw) => (await folders.folder(parse(folderParamsSchema, raw).folder)).retry()],
      [
        methods.files,
        async (raw) => {
          const params = parse(filesParamsSchema, raw);
          return (await folders.folder(params.folder)).files(params);
        },
      ],
      [
        methods.shutdownServer,
        () => {
          // Not before the answer has been read: the asker's disconnect says so, a client that stays gets a moment.
          const { socket, shutdownServer } = this.#options;
          socket.once('close', shutdownServer);
          setTimeout(shutdownServer, shutdownGraceMs).unref();
          return Promise.resolve(null);
        },
      ],
    ]);
  }

  async #command(raw: unknown, work: (folder: Folder) => Promise<void>): Promise<null> {
    await work(await this.#folders.folder(parse(folderParamsSchema, raw).folder));
    return null;
  }

  /** Tells the client the share of a request that is done, in whole percent, if it gave a token for that. */
  #workDone(token: ProgressToken | undefined): (share: number) => void {
    if (token === undefined) return () => undefined;
    let told = -1;
    return (share) => {
      const percentage = Math.floor(share * 100);
      if (percentage === told) return;
      told = percentage;
      void this.#connection.sendProgress(WorkDoneProgress.type, token, { kind: 'report', percentage });
    };
  }

  async #answer(method: string, handler: Handler, params: unknown, token: CancellationToken): Promise<unknown> {
    const cancel = new AbortController();
    const registration = token.onCancellationRequested(() => {
      cancel.abort();
    });
    if (token.isCancellationRequested) cancel.abort();
    try {
      const result = await handler(params, AbortSignal.any([cancel.signal, this.#closing.signal]));
      // A client that cancelled has dropped its request: it gets the short answer.
      if (cancel.signal.aborted) throw cancelled();
      return result;
    } catch (error) {
      return toResponseError(error, method, this.#options.logger);
    } finally {
      registration.dispose();
    }
  }

  #initialize(params: InitializeParams): InitializeResult {
    this.#applySettings(params.initializationOptions);
    // No folder is open yet: those that will be are opened with these.
    void this.#folders.configure(this.#settings);
    this.#canPullSettings = params.capabilities.workspace?.configuration === true;
    this.#canChangeFolders = params.capabilities.workspace?.workspaceFolders === true;
    this.#canTell = params.capabilities.workspace?.didChangeWatchedFiles?.dynamicRegistration === true;
    this.#workspaceFolders = workspaceFolders(params);
    return {
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
        executeCommandProvider: { commands: Object.values(methods) },
      },
      serverInfo: { name: 'tiercel', version: this.#options.version },
    };
  }

  #initialized(): void {
    if (this.#canTell) this.#askToTell();
    for (const uri of this.#workspaceFolders) this.#follow(uri);
    if (!this.#canChangeFolders) return;
    this.#connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
      for (const { uri } of added) this.#follow(uri);
      for (const { uri } of removed) void this.#folders.release(uri);
    });
  }

  /** Where the client watches the folders anyway, the system's watches are not spent twice. */
  #askToTell(): void {
    void this.#folders.setTells(true);
    const watchers = [{ globPattern: '**/*' }];
    this.#connection.client.register(DidChangeWatchedFilesNotification.type, { watchers }).catch((error: unknown) => {
      this.#options.logger.warn(`The client does not tell of changed files, so they are watched: ${messageOf(error)}`);
      return this.#folders.setTells(false);
    });
  }

  #follow(uri: string): void {
    if (!uri.startsWith('file:')) {
      this.#options.logger.warn(`${uri} is not on this machine's disk and is not indexed.`);
      return;
    }
    if (isTooBroad(toPath(uri))) {
      this.#connection.window.showInformationMessage(
        'Tiercel does not index your home folder by itself. Open the folder of a project, or run `tiercel index` on this one.',
      );
      return;
    }
    const followed = this.#folders.follow(uri);
    this.#documents.tellAgain();
    followed.catch((error: unknown) => {
      // Closed again, or the client left.
      if (isCancelled(error)) return;
      this.#connection.window.showErrorMessage(
        `Tiercel: ${toResponseError(error, `opening ${uri}`, this.#options.logger).message}`,
      );
    });
  }

  async #settingsChanged(pushed: unknown): Promise<void> {
    const section = isRecord(pushed) ? pushed['tiercel'] : undefined;
    this.#applySettings(
      section ?? (this.#canPullSettings ? await this.#connection.workspace.getConfiguration('tiercel') : undefined),
    );
    await this.#folders.configure(this.#settings);
  }

  #applySettings(raw: unknown): void {
    const { settings, problems } = resolveSettings(raw);
    this.#settings = settings;
    this.#options.host.engine.wish(this, settings);
    this.#options.host.background.wish(this, settings.background.load);
    this.#options.logger.level = settings.logLevel;
    for (const problem of problems) this.#connection.window.showWarningMessage(`Tiercel: ${problem}`);
  }
}

/** Folder URIs; clients of the older protocol name one root only. */
function workspaceFolders(params: InitializeParams): string[] {
  if (params.workspaceFolders) return params.workspaceFolders.map(({ uri }) => uri);
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- read only where the newer member is absent
  return params.rootUri === null ? [] : [params.rootUri];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** @throws TiercelError `FixTheCall` naming what is wrong with the parameters. */
function parse<S extends z.ZodType>(schema: S, raw: unknown): z.output<S> {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw new TiercelError(errorCodes.fixTheCall, prettifyError(parsed.error));
  return parsed.data;
}
