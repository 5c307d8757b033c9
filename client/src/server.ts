/** The connection to the per-user server: started, watched, restarted, and asked. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import {
  CloseAction,
  DidChangeConfigurationNotification,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  WorkDoneProgress,
} from 'vscode-languageclient/node';
import type { LanguageClientOptions } from 'vscode-languageclient/node';
import { messageOf } from '../../protocol/errors.ts';
import { methods, notifications } from '../../protocol/methods.ts';
import type { SettingsInput } from '../../protocol/settings.ts';
import type { IndexProgress } from '../../protocol/status.ts';
import { NoAnswer, ServerDown } from './failure.ts';
import { reasonOf, RestartPolicy } from './restartPolicy.ts';
import type { ServerState } from './statusView.ts';

const nodeSetting = 'tiercel.server.node';
const startTimeoutMs = 60_000;
const stopTimeoutMs = 3_000;
/** Characters of a server's error output kept to say why it died. */
const errorTailLength = 4_000;

const settingNames = [
  'exclude',
  'deep',
  'maxFileBytes',
  'parseProcesses',
  'logLevel',
  'memory',
  'disk',
  'search',
  'inference',
  'gpu',
  'background',
] as const satisfies readonly (keyof SettingsInput)[];

/** The `tiercel.*` settings the server understands. */
function serverSettings(): Record<string, unknown> {
  const section = vscode.workspace.getConfiguration('tiercel');
  return Object.fromEntries(settingNames.map((name) => [name, section.get(name)]));
}

/** A language client that logs, and leaves it to us when a person is interrupted. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }

  override warn(message: string, data?: unknown): void {
    super.warn(message, data, false);
  }

  override info(message: string, data?: unknown): void {
    super.info(message, data, false);
  }
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new NoAnswer(milliseconds));
    }, milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Server implements vscode.Disposable {
  private readonly extensionPath: string;
  private readonly log: vscode.LogOutputChannel;
  private readonly policy = new RestartPolicy();
  private readonly stateEmitter = new vscode.EventEmitter<ServerState>();
  private readonly progressEmitter = new vscode.EventEmitter<IndexProgress>();
  private client: LanguageClient | undefined;
  private restartTimer: NodeJS.Timeout | undefined;
  private current: ServerState = { kind: 'down' };

  readonly onDidChangeState = this.stateEmitter.event;
  readonly onProgress = this.progressEmitter.event;

  constructor(extensionPath: string, log: vscode.LogOutputChannel) {
    this.extensionPath = extensionPath;
    this.log = log;
  }

  get state(): ServerState {
    return this.current;
  }

  /** Starts or joins the server. Resolves when it runs, or when this attempt failed; see {@link state}. */
  async start(): Promise<void> {
    if (this.client !== undefined) {
      return;
    }
    clearTimeout(this.restartTimer);
    this.setState({ kind: 'starting' });
    const node = vscode.workspace.getConfiguration('tiercel').get<string>('server.node', '').trim();
    const main = path.join(this.extensionPath, 'dist', 'main.mjs');
    const command = node === '' ? process.execPath : node;
    if (!existsSync(main)) {
      this.giveUp(`The Tiercel server is missing from the extension (${main}). Install the extension again`);
      return;
    }
    if (node !== '' && !existsSync(node)) {
      this.giveUp(`The setting "${nodeSetting}" names a program that does not exist: ${node}`, nodeSetting);
      return;
    }
    let errorTail = '';
    const client = this.createClient(command, main, node === '', (text) => {
      errorTail = (errorTail + text).slice(-errorTailLength);
    });
    this.client = client;
    try {
      await within(startTimeoutMs, client.start());
      if (this.client === client) {
        const { name = 'server', version = '' } = client.initializeResult?.serverInfo ?? {};
        this.log.info(`Connected to ${name} ${version}`.trimEnd());
        this.setState({ kind: 'running' });
      }
    } catch (error) {
      if (this.client === client) {
        client.serverProcess?.kill();
        this.wentAway(reasonOf(errorTail) ?? messageOf(error));
      }
    }
  }

  /** Ends the per-user server, then starts a new one. */
  async restart(): Promise<void> {
    if (this.current.kind === 'running' && this.client !== undefined) {
      try {
        await within(stopTimeoutMs, this.client.sendRequest(methods.shutdownServer, {}));
      } catch (error) {
        this.log.warn(`The server did not confirm that it ends: ${messageOf(error)}`);
      }
    }
    await this.stop();
    this.policy.reset();
    await this.start();
  }

  /** Leaves the server; it goes on for other windows, and ends itself when there are none. */
  async stop(): Promise<void> {
    clearTimeout(this.restartTimer);
    const client = this.client;
    this.client = undefined;
    this.setState({ kind: 'down' });
    if (client === undefined) {
      return;
    }
    try {
      await client.stop(stopTimeoutMs);
    } catch (error) {
      this.log.debug(`Leaving the server: ${messageOf(error)}`);
      client.serverProcess?.kill();
    }
  }

  /** Progress of the one request whose parameters have the token as `workDoneToken`, in percent. */
  async onWorkDone(token: string, listener: (percentage: number) => void): Promise<vscode.Disposable> {
    const client = await this.whenRunning(undefined);
    return client.onProgress(WorkDoneProgress.type, token, (progress) => {
      if (progress.kind === 'report' && progress.percentage !== undefined) {
        listener(progress.percentage);
      }
    });
  }

  /**
   * Sends a request, once the server is up.
   * @throws {ServerDown} when there is no server; otherwise what the server answered
   */
  async request<R>(method: string, params: unknown, signal?: AbortSignal): Promise<R> {
    const client = await this.whenRunning(signal);
    const source = new vscode.CancellationTokenSource();
    const cancel = (): void => {
      source.cancel();
    };
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await client.sendRequest<R>(method, params, source.token);
    } finally {
      signal?.removeEventListener('abort', cancel);
      source.dispose();
    }
  }

  /** Tells a running server the settings as they are now; one that starts reads them itself. */
  async sendSettings(): Promise<void> {
    if (this.current.kind === 'running') {
      await this.client?.sendNotification(DidChangeConfigurationNotification.type, {
        settings: { tiercel: serverSettings() },
      });
    }
  }

  dispose(): void {
    clearTimeout(this.restartTimer);
    this.stateEmitter.dispose();
    this.progressEmitter.dispose();
  }

  private setState(state: ServerState): void {
    this.current = state;
    this.stateEmitter.fire(state);
  }

  private createClient(
    command: string,
    main: string,
    electron: boolean,
    onError: (text: string) => void,
  ): LanguageClient {
    const env = electron ? { ...process.env, ELECTRON_RUN_AS_NODE: '1' } : { ...process.env };
    const options: LanguageClientOptions = {
      documentSelector: [{ scheme: 'file' }],
      initializationOptions: serverSettings,
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          if (this.client === client && this.current.kind === 'running') {
            this.wentAway('The connection closed');
          }
          return { action: CloseAction.DoNotRestart, handled: true, message: 'The connection to the server closed.' };
        },
      },
      stdioOptions: {
        stdout: () => undefined,
        stderr: (stream) => {
          stream.setEncoding('utf8').on('data', (text: string) => {
            onError(text);
            this.log.info(text.trimEnd());
          });
        },
      },
    };
    const client = new QuietClient(
      'tiercel',
      'Tiercel',
      { command, args: [main, 'lsp', '--stdio'], options: { cwd: this.extensionPath, env } },
      options,
    );
    client.onNotification(notifications.progress, (progress: IndexProgress) => {
      this.progressEmitter.fire(progress);
    });
    return client;
  }

  private wentAway(reason: string): void {
    this.client = undefined;
    const wait = this.policy.crashed(Date.now());
    if (wait === undefined) {
      this.giveUp(`The Tiercel server stopped several times: ${reason}`);
      return;
    }
    this.log.warn(`The server went away (${reason}); starting it again in ${String(wait)} ms`);
    this.setState({ kind: 'starting' });
    this.restartTimer = setTimeout(() => {
      void this.start();
    }, wait);
  }

  /** `setting` is the one to correct, when one is the cause. */
  private giveUp(reason: string, setting?: string): void {
    this.client = undefined;
    this.log.error(reason);
    this.setState({ kind: 'down', reason });
    void this.offerHelp(reason, setting);
  }

  private async offerHelp(reason: string, setting: string | undefined): Promise<void> {
    const openSetting = 'Open Setting';
    const showLog = 'Show Log';
    const restart = 'Restart';
    const buttons = setting === undefined ? [showLog, restart] : [openSetting, restart];
    const answer = await vscode.window.showErrorMessage(`${reason}.`, ...buttons);
    if (answer === openSetting) {
      await vscode.commands.executeCommand('workbench.action.openSettings', setting);
    } else if (answer === showLog) {
      this.log.show();
    } else if (answer === restart) {
      await this.restart();
    }
  }

  private whenRunning(signal: AbortSignal | undefined): Promise<LanguageClient> {
    return new Promise((resolve, reject) => {
      const settle = (state: ServerState): boolean => {
        if (state.kind === 'running' && this.client !== undefined) {
          resolve(this.client);
          return true;
        }
        if (state.kind === 'down') {
          reject(new ServerDown(state.reason ?? 'The Tiercel server is not running'));
          return true;
        }
        return false;
      };
      if (settle(this.current)) {
        return;
      }
      const subscription = this.onDidChangeState((state) => {
        if (settle(state)) {
          subscription.dispose();
        }
      });
      signal?.addEventListener(
        'abort',
        () => {
          subscription.dispose();
          reject(new vscode.CancellationError());
        },
        { once: true },
      );
    });
  }
}
