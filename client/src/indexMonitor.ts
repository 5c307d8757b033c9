/** What the server says about the indexes of this window's folders, kept current. */
import * as vscode from 'vscode';
import { methods } from '../../protocol/methods.ts';
import type { FolderParams, FolderStatus, IndexProgress } from '../../protocol/status.ts';
import { failureOf, isCancellation } from './failure.ts';
import { openFolders } from './folders.ts';
import type { Server } from './server.ts';
import type { FolderState } from './statusView.ts';

/** Least time between two questions for the status of one folder while it is being indexed. */
const refreshMs = 2_000;

const settledPhases: ReadonlySet<string> = new Set(['ready', 'paused', 'cancelled', 'failed']);

export class IndexMonitor implements vscode.Disposable {
  private readonly server: Server;
  private readonly states = new Map<string, FolderState>();
  /** The server's spelling of a folder (links resolved) -> ours. */
  private readonly aliases = new Map<string, string>();
  private readonly askedAt = new Map<string, number>();
  private readonly emitter = new vscode.EventEmitter<void>();
  private readonly subscriptions: { dispose: () => unknown }[];

  /** Fires when any folder's state changed. */
  readonly onDidChange = this.emitter.event;

  constructor(server: Server) {
    this.server = server;
    this.subscriptions = [
      this.emitter,
      server.onProgress((progress) => {
        this.progressed(progress);
      }),
      server.onDidChangeState((state) => {
        if (state.kind === 'running') {
          void this.refresh();
        }
      }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => {
        this.foldersChanged();
        void this.refresh();
      }),
    ];
    this.foldersChanged();
  }

  /** One state per open folder, in the order of the workspace. */
  get folders(): FolderState[] {
    return openFolders().map((folder) => this.states.get(folder.path) ?? { folder });
  }

  /** Asks the server for the status of every folder. */
  async refresh(): Promise<void> {
    await Promise.all(openFolders().map((folder) => this.ask(folder.path)));
  }

  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
  }

  private foldersChanged(): void {
    const folders = openFolders();
    const open = new Set(folders.map((folder) => folder.path));
    for (const path of this.states.keys()) {
      if (!open.has(path)) {
        this.states.delete(path);
      }
    }
    for (const folder of folders) {
      this.states.set(folder.path, { ...this.states.get(folder.path), folder });
    }
    this.emitter.fire();
  }

  private progressed(progress: IndexProgress): void {
    const path = this.aliases.get(progress.folder) ?? progress.folder;
    const state = this.states.get(path);
    if (state === undefined) {
      return;
    }
    const settled = settledPhases.has(progress.phase);
    const changed = state.progress?.phase !== progress.phase;
    const { folder, status } = state;
    this.states.set(path, status === undefined ? { folder, progress } : { folder, status, progress });
    this.emitter.fire();
    if ((settled && changed) || Date.now() - (this.askedAt.get(path) ?? 0) > refreshMs) {
      void this.ask(path);
    }
  }

  private async ask(path: string): Promise<void> {
    this.askedAt.set(path, Date.now());
    const params: FolderParams = { folder: path };
    try {
      const status = await this.server.request<FolderStatus>(methods.status, params);
      this.aliases.set(status.folder, path);
      this.update(path, status);
    } catch (error) {
      const state = this.states.get(path);
      if (state !== undefined && !isCancellation(error)) {
        this.states.set(path, { ...state, error: failureOf(error).message });
        this.emitter.fire();
      }
    }
  }

  private update(path: string, status: FolderStatus): void {
    const state = this.states.get(path);
    if (state === undefined) {
      return;
    }
    const { folder } = state;
    const progress = status.progress ?? (state.progress?.phase === status.phase ? state.progress : undefined);
    this.states.set(path, progress === undefined ? { folder, status } : { folder, status, progress });
    this.emitter.fire();
  }
}
