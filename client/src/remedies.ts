/** Carries out what a failed request calls for, and offers it in a message. */
import * as vscode from 'vscode';
import { methods } from '../../protocol/methods.ts';
import type { IndexParams, IndexResult } from '../../protocol/status.ts';
import { failureOf, isCancellation } from './failure.ts';
import type { Remedy } from './failure.ts';
import type { Folder } from './hits.ts';
import type { Server } from './server.ts';

/** The button that stands for a remedy in a message; remedies without one are not offered there. */
const buttons: Partial<Record<Remedy, string>> = {
  indexFolder: 'Index Now',
  rebuildIndex: 'Rebuild Index',
  restartServer: 'Restart Server',
  showLog: 'Show Log',
};

export class Remedies {
  private readonly server: Server;
  private readonly log: vscode.LogOutputChannel;

  constructor(server: Server, log: vscode.LogOutputChannel) {
    this.server = server;
    this.log = log;
  }

  /** Does what the remedy says. Indexing is started, not waited for: the status bar follows it. */
  async apply(remedy: Remedy, folder: Folder): Promise<void> {
    if (remedy === 'restartServer') {
      await this.server.restart();
    } else if (remedy === 'showLog') {
      this.log.show();
    } else if (remedy === 'indexFolder') {
      void this.index(folder, false);
    } else if (remedy === 'rebuildIndex') {
      void this.index(folder, true);
    }
  }

  /** Indexes a folder, from nothing when `rebuild`; resolves when that is complete or a person was told why not. */
  async index(folder: Folder, rebuild: boolean): Promise<void> {
    const params: IndexParams = { folder: folder.path, rebuild };
    try {
      await this.server.request<IndexResult>(methods.index, params);
    } catch (error) {
      await this.tell(error, folder);
    }
  }

  /** Shows a failure as a message with the button that helps. Cancelled work is not a failure. */
  async tell(error: unknown, folder: Folder): Promise<void> {
    if (isCancellation(error)) {
      return;
    }
    const { message, remedy } = failureOf(error);
    this.log.error(message);
    const button = buttons[remedy];
    const answer = await vscode.window.showErrorMessage(
      `Tiercel: ${message}`,
      ...(button === undefined ? [] : [button]),
    );
    if (answer !== undefined) {
      await this.apply(remedy, folder);
    }
  }
}
