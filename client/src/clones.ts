/** "Find Code Clones": groups of code that was copied, over a whole folder, and their places. */
import * as vscode from 'vscode';
import type { CloneGroup, ClonesParams, ClonesResult } from '../../protocol/clones.ts';
import { methods } from '../../protocol/methods.ts';
import { clonePlaces, cloneRow, cloneSummary } from './cloneRows.ts';
import { isCancellation } from './failure.ts';
import { askForFolder, openFolders } from './folders.ts';
import type { Folder } from './hits.ts';
import { pickPlace } from './placePick.ts';
import type { Remedies } from './remedies.ts';
import type { Server } from './server.ts';

let requests = 0;

interface Row extends vscode.QuickPickItem {
  group: CloneGroup;
  folder: Folder;
}

export async function findClones(server: Server, remedies: Remedies, log: vscode.LogOutputChannel): Promise<void> {
  const folders = openFolders();
  if (folders.length === 0) {
    await askForFolder();
    return;
  }
  const rows: Row[] = [];
  const summaries: string[] = [];
  for (const folder of folders) {
    const result = await clonesOf(folder, server, remedies);
    if (result === undefined) {
      return;
    }
    summaries.push(folders.length === 1 ? cloneSummary(result) : `${folder.name}: ${cloneSummary(result)}`);
    rows.push(...result.groups.map((group) => ({ ...cloneRow(group), group, folder })));
  }
  if (rows.length === 0) {
    void vscode.window.showInformationMessage(summaries.join(' '));
    return;
  }
  const row = await vscode.window.showQuickPick(rows, {
    title: `Code Clones (${summaries.join('; ')})`,
    placeHolder: 'Choose a group to list its places',
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (row !== undefined) {
    await pickPlace(row.label, clonePlaces(row.group, row.folder), log);
  }
}

/** Undefined when it was cancelled or failed; the person knows then. */
async function clonesOf(folder: Folder, server: Server, remedies: Remedies): Promise<ClonesResult | undefined> {
  const controller = new AbortController();
  const workDoneToken = `clones-${String(++requests)}`;
  const params: ClonesParams = { folder: folder.path, workDoneToken };
  try {
    return await vscode.window.withProgress(
      {
        location: vscode.ProgressLocation.Notification,
        title: `Looking for clones in ${folder.name}`,
        cancellable: true,
      },
      async (progress, token) => {
        token.onCancellationRequested(() => {
          controller.abort();
        });
        let told = 0;
        const following = await server.onWorkDone(workDoneToken, (percentage) => {
          progress.report({ increment: percentage - told });
          told = percentage;
        });
        try {
          return await server.request<ClonesResult>(methods.clones, params, controller.signal);
        } finally {
          following.dispose();
        }
      },
    );
  } catch (error) {
    if (!controller.signal.aborted || !isCancellation(error)) {
      await remedies.tell(error, folder);
    }
    return undefined;
  }
}
