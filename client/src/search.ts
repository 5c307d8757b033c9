/** "Search Code by Meaning": a quick pick whose rows are the server's ranked answers. */
import * as vscode from 'vscode';
import { methods } from '../../protocol/methods.ts';
import type { SearchParams, SearchResult } from '../../protocol/search.ts';
import { coverageSentence } from './coverage.ts';
import type { Failure } from './failure.ts';
import { askForFolder, openFolders, openPaths } from './folders.ts';
import { hitRow } from './hits.ts';
import type { Folder, PlacedHit } from './hits.ts';
import { pickPlace } from './placePick.ts';
import { Preview } from './preview.ts';
import { forget, remember, seedOf } from './queryHistory.ts';
import type { Remedies } from './remedies.ts';
import { SearchSession } from './searchSession.ts';
import type { SearchView } from './searchSession.ts';
import type { Server } from './server.ts';

const title = 'Search Code by Meaning';
const historyKey = 'tiercel.queries';

const openToTheSide: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('split-horizontal'),
  tooltip: 'Open to the Side',
};
const showFolded: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('files'),
  tooltip: 'List the Places That Say the Same',
};
const removeFromHistory: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('close'),
  tooltip: 'Remove from History',
};

interface Row extends vscode.QuickPickItem {
  hit?: PlacedHit;
  /** An earlier query. */
  query?: string;
  /** What pressing Enter on a problem does. */
  remedy?: { failure: Failure; folder: Folder };
}

class SearchBox {
  private readonly pick = vscode.window.createQuickPick<Row>();
  private readonly preview: Preview;
  private readonly session: SearchSession;
  private readonly history: vscode.Memento;
  private readonly remedies: Remedies;
  private readonly log: vscode.LogOutputChannel;
  private readonly severalFolders = openFolders().length > 1;
  private answered: string | undefined;
  /** The person went through the list; before that the first row is active without having been chosen. */
  private moved = false;
  private accepted = false;

  constructor(server: Server, remedies: Remedies, history: vscode.Memento, log: vscode.LogOutputChannel) {
    this.history = history;
    this.remedies = remedies;
    this.log = log;
    this.preview = new Preview(log);
    this.session = new SearchSession(
      {
        folders: openFolders,
        search: (folder, query, limit, signal) => {
          const params: SearchParams = { folder: folder.path, query, limit, fold: true, near: openPaths(folder) };
          return server.request<SearchResult>(methods.search, params, signal);
        },
      },
      (view) => {
        this.show(view);
      },
    );
    this.pick.title = title;
    this.pick.placeholder = 'Describe the code you are looking for';
    setUnlisted(this.pick, 'sortByLabel', false);
    this.pick.onDidChangeValue((value) => {
      this.session.type(value);
    });
    this.pick.onDidChangeActive(([row]) => {
      this.activated(row);
    });
    this.pick.onDidAccept(() => {
      this.accept(this.pick.activeItems[0]);
    });
    this.pick.onDidTriggerItemButton(({ item, button }) => {
      void this.pressed(item, button);
    });
    this.pick.onDidHide(() => {
      void this.hidden();
    });
  }

  open(seed: string): void {
    this.pick.value = seed;
    if (seed !== '') {
      setUnlisted(this.pick, 'valueSelection', [0, seed.length]);
    }
    this.session.run(seed);
    this.pick.show();
  }

  private show(view: SearchView): void {
    this.pick.busy = view.state === 'busy';
    if (view.state === 'busy') {
      return;
    }
    this.moved = false;
    this.answered = view.state === 'answered' ? view.query : undefined;
    this.pick.items = view.state === 'answered' ? this.answerRows(view) : this.historyRows();
    const missing = view.state === 'answered' ? coverageSentence(view.coverage) : undefined;
    this.pick.title = missing === undefined ? title : `${title} (${missing})`;
  }

  private historyRows(): Row[] {
    const queries = this.history.get<string[]>(historyKey, []);
    return queries.map((query) => ({
      label: query,
      query,
      iconPath: new vscode.ThemeIcon('history'),
      buttons: [removeFromHistory],
      alwaysShow: true,
    }));
  }

  private answerRows(view: Extract<SearchView, { state: 'answered' }>): Row[] {
    const rows: Row[] = view.hits.map((hit) => {
      const { label, description, detail, icon } = hitRow(hit, this.severalFolders);
      const iconPath = new vscode.ThemeIcon(icon);
      const buttons = hit.hit.folded === undefined ? [openToTheSide] : [showFolded, openToTheSide];
      return { label, description, detail, iconPath, hit, buttons, alwaysShow: true };
    });
    if (rows.length > 0 && !view.goodMatch) {
      rows.unshift(poorRow());
    }
    if (rows.length === 0 && view.failures.length === 0) {
      rows.push(emptyRow(coverageSentence(view.coverage)));
    }
    for (const failure of view.failures) {
      rows.push({
        label: this.severalFolders ? `${failure.folder.name}: ${failure.message}` : failure.message,
        detail: failure.advice,
        iconPath: new vscode.ThemeIcon('warning'),
        remedy: { failure, folder: failure.folder },
        alwaysShow: true,
      });
    }
    return rows;
  }

  private activated(row: Row | undefined): void {
    if (row?.hit === undefined || (!this.moved && row === this.pick.items[0])) {
      return;
    }
    this.moved = true;
    this.preview.show(row.hit);
  }

  private accept(row: Row | undefined): void {
    if (row?.query !== undefined) {
      this.pick.value = row.query;
      this.session.run(row.query);
      return;
    }
    if (this.answered !== this.pick.value && !this.moved) {
      this.session.run(this.pick.value);
      return;
    }
    if (row?.remedy !== undefined) {
      void this.repair(row.remedy.failure, row.remedy.folder);
    } else if (row?.hit !== undefined) {
      void this.choose(row.hit, false);
    }
  }

  private async repair(failure: Failure, folder: Folder): Promise<void> {
    if (failure.remedy === 'none') {
      return;
    }
    if (failure.remedy !== 'tryAgain') {
      this.pick.busy = true;
      await this.remedies.apply(failure.remedy, folder);
    }
    this.session.run(this.pick.value);
  }

  private async pressed(row: Row, button: vscode.QuickInputButton): Promise<void> {
    if (button === openToTheSide && row.hit !== undefined) {
      await this.choose(row.hit, true);
    } else if (button === showFolded && row.hit !== undefined) {
      await this.unfold(row.hit);
    } else if (button === removeFromHistory && row.query !== undefined) {
      await this.history.update(historyKey, forget(this.history.get<string[]>(historyKey, []), row.query));
      this.pick.items = this.historyRows();
    }
  }

  /** All places that say the same as a hit, in a list of their own. */
  private async unfold({ folder, hit }: PlacedHit): Promise<void> {
    this.accepted = true;
    this.pick.hide();
    this.preview.dispose();
    const { folded = [], ...first } = hit;
    const others = folded.map((place) => ({ ...first, ...place, snippetLine: place.startLine, highlights: [] }));
    const places = [first, ...others].map((place) => ({ folder, hit: place }));
    await pickPlace('Code That Says the Same', places, this.log);
  }

  private async choose(hit: PlacedHit, toTheSide: boolean): Promise<void> {
    this.accepted = true;
    const query = this.answered ?? '';
    this.pick.hide();
    await this.preview.open(hit, toTheSide);
    this.preview.dispose();
    await this.history.update(historyKey, remember(this.history.get<string[]>(historyKey, []), query));
  }

  private async hidden(): Promise<void> {
    this.session.dispose();
    this.pick.dispose();
    if (!this.accepted) {
      await this.preview.restore();
      this.preview.dispose();
    }
  }
}

/**
 * Sets a member that quick picks have although the typings of the oldest supported VS Code do not list it; its absence
 * must do no harm. `sortByLabel`: the rows come ranked, and VS Code would move those whose label resembles the query to
 * the top. `valueSelection`: typing replaces a query that was filled in.
 */
function setUnlisted(pick: vscode.QuickPick<Row>, member: 'sortByLabel' | 'valueSelection', value: unknown): void {
  if (member in pick) {
    Object.assign(pick, { [member]: value });
  }
}

function emptyRow(missing: string | undefined): Row {
  return {
    label: 'No code found',
    detail:
      missing === undefined
        ? 'Describe in other words what the code does. "Tiercel: Show Index Status" lists the files that are left out.'
        : `The index is not complete (${missing}). Search again in a moment.`,
    iconPath: new vscode.ThemeIcon('info'),
    alwaysShow: true,
  };
}

/** Stands above hits that are nearest without being near. */
function poorRow(): Row {
  return {
    label: 'No good match',
    detail: 'The nearest code is listed below. Other words may find more.',
    iconPath: new vscode.ThemeIcon('info'),
    alwaysShow: true,
  };
}

/** Opens the search box, with the selection in it when there is one. */
export async function searchByMeaning(
  server: Server,
  remedies: Remedies,
  history: vscode.Memento,
  log: vscode.LogOutputChannel,
): Promise<void> {
  if (openFolders().length === 0) {
    await askForFolder();
    return;
  }
  const editor = vscode.window.activeTextEditor;
  const seed = editor === undefined ? '' : seedOf(editor.document.getText(editor.selection));
  new SearchBox(server, remedies, history, log).open(seed);
}
