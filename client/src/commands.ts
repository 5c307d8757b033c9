/** Every command of the extension, and what it calls. */
import * as vscode from 'vscode';
import { methods } from '../../protocol/methods.ts';
import type { FolderParams } from '../../protocol/status.ts';
import { findClones } from './clones.ts';
import { askForFolder, openFolders } from './folders.ts';
import type { Folder } from './hits.ts';
import type { IndexMonitor } from './indexMonitor.ts';
import { Remedies } from './remedies.ts';
import { searchByMeaning } from './search.ts';
import type { Server } from './server.ts';
import { goToSimilarCode } from './similar.ts';
import type { StatusBar } from './status.ts';

export interface CommandDependencies {
  server: Server;
  monitor: IndexMonitor;
  statusBar: StatusBar;
  log: vscode.LogOutputChannel;
  history: vscode.Memento;
}

/** @returns the registrations, to dispose of */
export function registerCommands(dependencies: CommandDependencies): vscode.Disposable[] {
  const { server, monitor, statusBar, log, history } = dependencies;
  const remedies = new Remedies(server, log);

  const forEveryFolder = async (method: string): Promise<void> => {
    const folders = openFolders();
    if (folders.length === 0) {
      await askForFolder();
      return;
    }
    await Promise.all(
      folders.map(async (folder) => {
        const params: FolderParams = { folder: folder.path };
        try {
          await server.request(method, params);
        } catch (error) {
          await remedies.tell(error, folder);
        }
      }),
    );
    await monitor.refresh();
  };

  const handlers: Record<string, () => Promise<void>> = {
    'tiercel.search': () => searchByMeaning(server, remedies, history, log),
    'tiercel.similar': () => goToSimilarCode(server, remedies, log),
    'tiercel.clones': () => findClones(server, remedies, log),
    'tiercel.showStatus': () => statusBar.showReport(),
    'tiercel.showMenu': () => statusBar.showMenu(),
    'tiercel.pause': () => forEveryFolder(methods.pause),
    'tiercel.resume': () => forEveryFolder(methods.resume),
    'tiercel.cancel': () => forEveryFolder(methods.cancel),
    'tiercel.retry': () => forEveryFolder(methods.retry),
    'tiercel.rebuildIndex': () => rebuild(remedies),
    'tiercel.restartServer': () => server.restart(),
    'tiercel.showLog': () => {
      log.show();
      return Promise.resolve();
    },
  };
  return Object.entries(handlers).map(([id, handler]) => vscode.commands.registerCommand(id, handler));
}

async function rebuild(remedies: Remedies): Promise<void> {
  const folders = openFolders();
  if (folders.length === 0) {
    await askForFolder();
    return;
  }
  const chosen = folders.length === 1 ? folders[0] : await chooseFolder(folders);
  if (chosen === undefined) {
    return;
  }
  const confirm = 'Rebuild';
  const answer = await vscode.window.showWarningMessage(
    `Rebuild the index of "${chosen.name}"?`,
    {
      modal: true,
      detail: 'The stored index is thrown away and every file is read again. Searches find less until that is done.',
    },
    confirm,
  );
  if (answer === confirm) {
    await remedies.index(chosen, true);
  }
}

async function chooseFolder(folders: readonly Folder[]): Promise<Folder | undefined> {
  const rows = folders.map((folder) => ({ label: folder.name, description: folder.path, folder }));
  const row = await vscode.window.showQuickPick(rows, { title: 'Rebuild Index', placeHolder: 'Choose a folder' });
  return row?.folder;
}
