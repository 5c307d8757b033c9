/** Entry of the extension: builds the parts, wires them, starts the server. */
import * as vscode from 'vscode';
import { registerCommands } from './commands.ts';
import { openFolders } from './folders.ts';
import { IndexMonitor } from './indexMonitor.ts';
import { Server } from './server.ts';
import { StatusBar } from './status.ts';

let running: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Tiercel', { log: true });
  const server = new Server(context.extensionPath, log);
  const monitor = new IndexMonitor(server);
  const statusBar = new StatusBar(server, monitor);
  running = server;
  context.subscriptions.push(
    log,
    server,
    monitor,
    statusBar,
    ...registerCommands({ server, monitor, statusBar, log, history: context.workspaceState }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('tiercel.server.node')) {
        void server.stop().then(() => {
          startWhenNeeded(server);
        });
      } else if (event.affectsConfiguration('tiercel')) {
        void server.sendSettings();
      }
    }),
    vscode.workspace.onDidChangeWorkspaceFolders(() => {
      startWhenNeeded(server);
    }),
  );
  startWhenNeeded(server);
}

/** A window without a folder has nothing to index, so it starts no server. */
function startWhenNeeded(server: Server): void {
  if (openFolders().length > 0 && server.state.kind === 'down' && server.state.reason === undefined) {
    void server.start();
  }
}

/** Leaves the server orderly; VS Code waits for it. */
export async function deactivate(): Promise<void> {
  await running?.stop();
  running = undefined;
}
