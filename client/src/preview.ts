/** Shows places in the editor while a list has the focus, and puts the editor back when nothing was chosen. */
import * as vscode from 'vscode';
import { messageOf } from '../../protocol/errors.ts';
import type { SearchHit } from '../../protocol/search.ts';
import { locationOf, rangeOf } from './folders.ts';
import type { PlacedHit } from './hits.ts';

interface Origin {
  document: vscode.TextDocument;
  selection: vscode.Selection;
  visible: vscode.Range | undefined;
  viewColumn: vscode.ViewColumn | undefined;
  /** The tab was in preview mode, so a preview of ours took its place. */
  wasPreview: boolean;
}

function textTabs(): { tab: vscode.Tab; uri: vscode.Uri }[] {
  return vscode.window.tabGroups.all.flatMap((group) =>
    group.tabs.flatMap((tab) => (tab.input instanceof vscode.TabInputText ? [{ tab, uri: tab.input.uri }] : [])),
  );
}

function originOf(editor: vscode.TextEditor | undefined): Origin | undefined {
  if (editor === undefined) {
    return undefined;
  }
  return {
    document: editor.document,
    selection: editor.selection,
    visible: editor.visibleRanges[0],
    viewColumn: editor.viewColumn,
    wasPreview: vscode.window.tabGroups.activeTabGroup.activeTab?.isPreview ?? false,
  };
}

export class Preview implements vscode.Disposable {
  private readonly log: vscode.LogOutputChannel;
  private readonly origin = originOf(vscode.window.activeTextEditor);
  private readonly openBefore = new Set(textTabs().map(({ uri }) => uri.toString()));
  private readonly highlight = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor('editor.rangeHighlightBackground'),
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.rangeHighlightForeground'),
  });
  private readonly matched = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('editor.findMatchHighlightBackground'),
  });
  /** Requests to show a place run one after the other; only the newest is shown. */
  private queue: Promise<void> = Promise.resolve();
  private newest = 0;
  private shown: vscode.TextEditor | undefined;

  constructor(log: vscode.LogOutputChannel) {
    this.log = log;
  }

  /** Shows the place of a hit; the focus stays where it is. */
  show(placed: PlacedHit): void {
    const ticket = ++this.newest;
    this.queue = this.queue.then(async () => {
      if (ticket !== this.newest) {
        return;
      }
      try {
        const editor = await vscode.window.showTextDocument(locationOf(placed).uri, {
          preview: true,
          preserveFocus: true,
          viewColumn: this.origin?.viewColumn ?? vscode.ViewColumn.Active,
        });
        const range = rangeOf(placed.hit, editor.document);
        this.clear();
        this.shown = editor;
        const matches = matchesOf(placed.hit, editor.document);
        editor.setDecorations(this.highlight, [range]);
        editor.setDecorations(this.matched, matches);
        editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
        // In a long function what matched may be below the first lines.
        if (matches[0] !== undefined) {
          editor.revealRange(matches[0], vscode.TextEditorRevealType.InCenterIfOutsideViewport);
        }
      } catch (error) {
        this.log.warn(`Cannot preview ${placed.hit.path}: ${messageOf(error)}`);
      }
    });
  }

  /** Opens a hit for good: its lines selected and revealed, the focus in the editor. */
  async open(placed: PlacedHit, toTheSide: boolean): Promise<void> {
    this.newest++;
    await this.queue;
    this.clear();
    const keepPreview = vscode.workspace.getConfiguration('workbench.editor').get('enablePreviewFromQuickOpen', false);
    try {
      const document = await vscode.workspace.openTextDocument(locationOf(placed).uri);
      const range = rangeOf(placed.hit, document);
      const editor = await vscode.window.showTextDocument(document, {
        preview: keepPreview,
        selection: range,
        viewColumn: toTheSide ? vscode.ViewColumn.Beside : (this.origin?.viewColumn ?? vscode.ViewColumn.Active),
      });
      editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    } catch (error) {
      void vscode.window.showErrorMessage(`Cannot open ${placed.hit.path}: ${messageOf(error)}`);
    }
  }

  /** Puts the editor back as it was before the first preview. */
  async restore(): Promise<void> {
    this.newest++;
    await this.queue;
    const shown = this.shown;
    if (shown === undefined) {
      return;
    }
    this.clear();
    if (this.origin !== undefined) {
      const editor = await vscode.window.showTextDocument(this.origin.document, {
        preview: this.origin.wasPreview,
        viewColumn: this.origin.viewColumn ?? vscode.ViewColumn.Active,
        selection: this.origin.selection,
      });
      if (this.origin.visible !== undefined) {
        editor.revealRange(this.origin.visible, vscode.TextEditorRevealType.AtTop);
      }
    }
    const ours = textTabs().filter(({ tab, uri }) => tab.isPreview && !this.openBefore.has(uri.toString()));
    await vscode.window.tabGroups.close(ours.map(({ tab }) => tab));
  }

  dispose(): void {
    this.highlight.dispose();
    this.matched.dispose();
  }

  private clear(): void {
    this.shown?.setDecorations(this.highlight, []);
    this.shown?.setDecorations(this.matched, []);
  }
}

/** What matched of a hit, as far as the document still has it. */
function matchesOf({ highlights }: SearchHit, document: vscode.TextDocument): vscode.Range[] {
  return highlights.map(({ line, start, end }) =>
    document.validateRange(new vscode.Range(line - 1, start, line - 1, end)),
  );
}
