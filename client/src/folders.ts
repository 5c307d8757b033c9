/** Workspace folders and places in them, between VS Code's objects and the paths the server speaks. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { SearchHit } from '../../protocol/search.ts';
import type { Folder, PlacedHit } from './hits.ts';

/** More say little, and the server takes no more. */
const mostOpenPaths = 50;

function folderOf(folder: vscode.WorkspaceFolder): Folder {
  return { name: folder.name, path: folder.uri.fsPath };
}

/** The folders of this window that are on disk. */
export function openFolders(): Folder[] {
  return (vscode.workspace.workspaceFolders ?? []).filter((folder) => folder.uri.scheme === 'file').map(folderOf);
}

/** The folder that holds a document, or undefined for documents elsewhere. */
export function folderOfDocument(uri: vscode.Uri): Folder | undefined {
  const folder = uri.scheme === 'file' ? vscode.workspace.getWorkspaceFolder(uri) : undefined;
  return folder === undefined ? undefined : folderOf(folder);
}

/** The whole lines of a hit; `document` clamps them to what the file holds now. */
export function rangeOf(hit: SearchHit, document?: vscode.TextDocument): vscode.Range {
  const start = new vscode.Position(hit.startLine - 1, 0);
  const range = new vscode.Range(start, new vscode.Position(hit.endLine - 1, Number.MAX_SAFE_INTEGER));
  return document === undefined ? range : document.validateRange(range);
}

export function locationOf({ folder, hit }: PlacedHit): vscode.Location {
  return new vscode.Location(vscode.Uri.joinPath(vscode.Uri.file(folder.path), ...hit.path.split('/')), rangeOf(hit));
}

/** Tells a person without a folder what to do; resolves at once. */
export async function askForFolder(): Promise<void> {
  const open = 'Open Folder';
  const answer = await vscode.window.showInformationMessage(
    'Tiercel searches the folders of a window: open one first.',
    open,
  );
  if (answer === open) {
    await vscode.commands.executeCommand('workbench.action.files.openFolder');
  }
}

/** Files of a folder that are open, those in view first; relative, with `/`. The server puts what is near them a little higher. */
export function openPaths(folder: Folder): string[] {
  const inView = vscode.window.visibleTextEditors.map(({ document }) => document.uri);
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs.map(({ input }) => input));
  const inTabs = tabs.flatMap((input) => (input instanceof vscode.TabInputText ? [input.uri] : []));
  const files = [...inView, ...inTabs].filter(({ scheme }) => scheme === 'file');
  const paths = files.map(({ fsPath }) => path.relative(folder.path, fsPath)).filter((file) => !file.startsWith('..'));
  return [...new Set(paths.map((file) => file.split(path.sep).join('/')))].slice(0, mostOpenPaths);
}
