/** "Go to Similar Code": the code nearest to the selection, or to the function at the cursor, in a peek view. */
import * as vscode from 'vscode';
import { methods } from '../../protocol/methods.ts';
import type { SimilarParams, SimilarResult } from '../../protocol/search.ts';
import { coverageSentence } from './coverage.ts';
import { NoAnswer } from './failure.ts';
import { askForFolder, folderOfDocument, locationOf, openFolders } from './folders.ts';
import { closeToBest } from './hits.ts';
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

export async function goToSimilarCode(server: Server, remedies: Remedies): Promise<void> {
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
    await show(editor, folder, result);
  } catch (error) {
    await remedies.tell(controller.signal.aborted ? new NoAnswer(timeoutMs) : error, folder);
  } finally {
    clearTimeout(timer);
  }
}

async function show(
  editor: vscode.TextEditor,
  folder: { name: string; path: string },
  result: SimilarResult,
): Promise<void> {
  if (result.hits.length === 0) {
    const missing = coverageSentence(result.coverage);
    void vscode.window.showInformationMessage(
      missing === undefined ? 'No similar code found elsewhere.' : `No similar code found yet: ${missing}.`,
    );
    return;
  }
  await vscode.commands.executeCommand(
    'editor.action.peekLocations',
    editor.document.uri,
    editor.selection.start,
    // A peek view sorts by file, so the rank is lost there: what is far from the best would only hide it.
    closeToBest(result.hits).map((hit) => locationOf({ folder, hit })),
    'peek',
  );
}
