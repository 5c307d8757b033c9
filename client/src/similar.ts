/** "Go to Similar Code": the code nearest to the selection, or to the function at the cursor, as a list with previews. */
import * as vscode from 'vscode';
import { methods } from '../../protocol/methods.ts';
import type { SimilarParams, SimilarResult } from '../../protocol/search.ts';
import { coverageSentence } from './coverage.ts';
import { NoAnswer } from './failure.ts';
import { askForFolder, folderOfDocument, openFolders } from './folders.ts';
import type { Folder } from './hits.ts';
import { pickPlace } from './placePick.ts';
import type { Remedies } from './remedies.ts';
import type { Server } from './server.ts';

const timeoutMs = 20_000;
const limit = 10;
/** Longest selection that is sent; the server reads longer ones by their lines. */
const longestText = 200_000;

function paramsOf(editor: vscode.TextEditor, folder: string): SimilarParams {
  const { document, selection } = editor;
  const params: SimilarParams = {
    folder,
    path: document.uri.fsPath,
    startLine: selection.start.line + 1,
    limit,
  };
  if (selection.isEmpty) {
    return params;
  }
  const lastLine = selection.end.character === 0 ? selection.end.line : selection.end.line + 1;
  const text = document.getText(selection);
  const endLine = Math.max(params.startLine, lastLine);
  return text.length > longestText ? { ...params, endLine } : { ...params, endLine, text };
}

export async function goToSimilarCode(server: Server, remedies: Remedies, log: vscode.LogOutputChannel): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (openFolders().length === 0) {
    await askForFolder();
    return;
  }
  const folder = editor === undefined ? undefined : folderOfDocument(editor.document.uri);
  if (editor === undefined || folder === undefined) {
    void vscode.window.showInformationMessage(
      'Open a file of this workspace and put the cursor into the code to compare.',
    );
    return;
  }
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort();
  }, timeoutMs);
  try {
    const result = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Window, title: 'Finding similar code' },
      () => server.request<SimilarResult>(methods.similar, paramsOf(editor, folder.path), controller.signal),
    );
    await show(folder, result, log);
  } catch (error) {
    await remedies.tell(controller.signal.aborted ? new NoAnswer(timeoutMs) : error, folder);
  } finally {
    clearTimeout(timer);
  }
}

async function show(folder: Folder, result: SimilarResult, log: vscode.LogOutputChannel): Promise<void> {
  if (result.hits.length === 0) {
    const missing = coverageSentence(result.coverage);
    void vscode.window.showInformationMessage(
      missing === undefined ? 'No similar code found elsewhere.' : `No similar code found yet: ${missing}.`,
    );
    return;
  }
  const places = result.hits.map((hit) => ({ folder, hit }));
  await pickPlace('Similar Code', places, log);
}
