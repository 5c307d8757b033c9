/** A list of places: moving through it previews them, Enter opens one, Escape puts the editor back. */
import * as vscode from 'vscode';
import { hitRow } from './hits.ts';
import type { PlacedHit } from './hits.ts';
import { locationOf } from './folders.ts';
import { Preview } from './preview.ts';

const openToTheSide: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('split-horizontal'),
  tooltip: 'Open to the Side',
};
const peek: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('list-tree'),
  tooltip: 'Show All in a Peek View',
};

interface Row extends vscode.QuickPickItem {
  placed: PlacedHit;
}

function rowOf(placed: PlacedHit): Row {
  const { label, description, detail, icon } = hitRow(placed, false);
  return { label, description, detail, iconPath: new vscode.ThemeIcon(icon), buttons: [openToTheSide], placed };
}

/** Resolves when the list is closed. */
export function pickPlace(title: string, places: readonly PlacedHit[], log: vscode.LogOutputChannel): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const preview = new Preview(log);
  const pick = vscode.window.createQuickPick<Row>();
  pick.title = title;
  pick.placeholder = 'Filter the places';
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  pick.items = places.map(rowOf);
  pick.buttons = editor === undefined ? [] : [peek];
  /** The first row is active without having been chosen. */
  let moved = false;
  let opened = false;
  const open = async (placed: PlacedHit | undefined, toTheSide: boolean): Promise<void> => {
    if (placed === undefined) {
      return;
    }
    opened = true;
    pick.hide();
    await preview.open(placed, toTheSide);
    preview.dispose();
  };
  return new Promise((resolve) => {
    pick.onDidChangeActive(([row]) => {
      moved ||= row !== undefined && row !== pick.items[0];
      if (row !== undefined && moved) {
        preview.show(row.placed);
      }
    });
    pick.onDidAccept(() => {
      void open(pick.activeItems[0]?.placed, false);
    });
    pick.onDidTriggerItemButton(({ item }) => {
      void open(item.placed, true);
    });
    pick.onDidTriggerButton(() => {
      pick.hide();
      if (editor !== undefined) {
        const locations = places.map((placed) => locationOf(placed));
        const { document, selection } = editor;
        void vscode.commands.executeCommand(
          'editor.action.peekLocations',
          document.uri,
          selection.start,
          locations,
          'peek',
        );
      }
    });
    pick.onDidHide(() => {
      pick.dispose();
      const done = opened ? Promise.resolve() : preview.restore();
      void done.then(() => {
        if (!opened) {
          preview.dispose();
        }
        resolve();
      });
    });
    pick.show();
  });
}
