/** The status bar item, the menu behind it, and the page that shows everything. */
import * as vscode from 'vscode';
import type { IndexMonitor } from './indexMonitor.ts';
import type { Server } from './server.ts';
import { statusReport } from './statusReport.ts';
import type { FolderState } from './statusView.ts';
import { isHalted, isWorking, progressSentence, retried, statusView } from './statusView.ts';

const scheme = 'tiercel-status';
const reportUri = vscode.Uri.from({ scheme, path: 'Tiercel Index Status.md' });

/** A first index shows its own progress line once it has taken this long. */
const firstIndexMs = 3_000;

const backgrounds = {
  none: undefined,
  warning: new vscode.ThemeColor('statusBarItem.warningBackground'),
  error: new vscode.ThemeColor('statusBarItem.errorBackground'),
} as const;

export class StatusBar implements vscode.Disposable {
  private readonly server: Server;
  private readonly monitor: IndexMonitor;
  private readonly item = vscode.window.createStatusBarItem('tiercel.status', vscode.StatusBarAlignment.Right, 90);
  private readonly reportChanged = new vscode.EventEmitter<vscode.Uri>();
  private readonly subscriptions: { dispose: () => unknown }[];
  private readonly firstIndexes = new Set<string>();

  constructor(server: Server, monitor: IndexMonitor) {
    this.server = server;
    this.monitor = monitor;
    this.item.name = 'Tiercel';
    this.item.command = 'tiercel.showMenu';
    const draw = (): void => {
      this.draw();
    };
    this.subscriptions = [
      this.item,
      this.reportChanged,
      server.onDidChangeState(draw),
      monitor.onDidChange(draw),
      vscode.workspace.registerTextDocumentContentProvider(scheme, {
        onDidChange: this.reportChanged.event,
        provideTextDocumentContent: () => statusReport(this.server.state, this.monitor.folders),
      }),
    ];
    this.draw();
  }

  /** Opens the page; it follows the index while it is open. */
  async showReport(): Promise<void> {
    await this.monitor.refresh();
    const document = await vscode.workspace.openTextDocument(reportUri);
    this.reportChanged.fire(reportUri);
    await vscode.window.showTextDocument(document, { preview: true });
  }

  async showMenu(): Promise<void> {
    const rows = menuRows(this.server.state.kind === 'down', this.monitor.folders);
    const row = await vscode.window.showQuickPick(rows, { title: 'Tiercel', placeHolder: 'Choose an action' });
    if (row?.command !== undefined) {
      await vscode.commands.executeCommand(row.command);
    }
  }

  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
  }

  private draw(): void {
    const states = this.monitor.folders;
    if (states.length === 0) {
      this.item.hide();
      return;
    }
    const view = statusView(this.server.state, states);
    const tooltip = new vscode.MarkdownString(view.tooltip, true);
    this.item.text = view.text;
    this.item.tooltip = tooltip;
    this.item.backgroundColor = backgrounds[view.severity];
    this.item.show();
    this.reportChanged.fire(reportUri);
    const paused = states.some(isHalted);
    void vscode.commands.executeCommand('setContext', 'tiercel.paused', paused);
    for (const state of states) {
      this.followFirstIndex(state);
    }
  }

  /** A folder that has nothing to search yet gets a line of its own in the status bar, until it has. */
  private followFirstIndex(state: FolderState): void {
    const { path, name } = state.folder;
    const first = state.progress?.phase === 'indexing' && (state.status?.coverage.lexical ?? 1) < 1;
    if (!first || this.firstIndexes.has(path)) {
      return;
    }
    this.firstIndexes.add(path);
    const timer = setTimeout(() => {
      void vscode.window.withProgress({ location: vscode.ProgressLocation.Window }, (report) =>
        this.report(path, name, report),
      );
    }, firstIndexMs);
    this.subscriptions.push({
      dispose: () => {
        clearTimeout(timer);
      },
    });
  }

  private report(path: string, name: string, report: vscode.Progress<{ message?: string }>): Promise<void> {
    return new Promise((resolve) => {
      const subscriptions: { dispose: () => unknown }[] = [];
      const update = (): void => {
        const progress = this.monitor.folders.find((state) => state.folder.path === path)?.progress;
        if (progress?.phase === 'indexing' && this.server.state.kind === 'running') {
          report.report({ message: `Indexing ${name}: ${progressSentence(progress)}` });
          return;
        }
        for (const subscription of subscriptions) {
          subscription.dispose();
        }
        resolve();
      };
      subscriptions.push(this.monitor.onDidChange(update), this.server.onDidChangeState(update));
      update();
    });
  }
}

interface MenuRow extends vscode.QuickPickItem {
  command?: string;
}

function menuRow(icon: string, label: string, command: string): MenuRow {
  return { label, iconPath: new vscode.ThemeIcon(icon), command };
}

function menuRows(down: boolean, states: readonly FolderState[]): MenuRow[] {
  const general = [
    menuRow('info', 'Show Index Status', 'tiercel.showStatus'),
    menuRow('output', 'Show Log', 'tiercel.showLog'),
    menuRow('debug-restart', down ? 'Start Server' : 'Restart Server', 'tiercel.restartServer'),
  ];
  if (down) {
    return general.reverse();
  }
  const paused = states.some(isHalted);
  const failed = states.some(({ status }) => Object.keys(status?.notes.counts ?? {}).some((name) => retried.has(name)));
  return [
    menuRow('search', 'Search Code by Meaning', 'tiercel.search'),
    paused
      ? menuRow('debug-continue', 'Resume Indexing', 'tiercel.resume')
      : menuRow('debug-pause', 'Pause Indexing', 'tiercel.pause'),
    ...(states.some(isWorking) ? [menuRow('circle-slash', 'Cancel Indexing', 'tiercel.cancel')] : []),
    ...(failed ? [menuRow('redo', 'Retry Files That Failed', 'tiercel.retry')] : []),
    menuRow('refresh', 'Rebuild Index…', 'tiercel.rebuildIndex'),
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    ...general,
  ];
}
