/** Files the client has open in editors: their texts reach the folders when typing pauses, and at once when saved. */
import { TextDocuments, type Connection, type Disposable } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { toPath, type SessionFolders } from './folders.ts';

/** Milliseconds without typing after which the text counts, and how long that is put off at most. */
const quietMs = 250;
const patienceMs = 1500;

interface Pending {
  timer: NodeJS.Timeout;
  since: number;
}

export class OpenDocuments {
  readonly #documents = new TextDocuments(TextDocument);
  readonly #folders: SessionFolders;
  readonly #pending = new Map<string, Pending>();
  readonly #registration: Disposable;

  constructor(connection: Connection, folders: SessionFolders) {
    this.#folders = folders;
    const documents = this.#documents;
    documents.onDidChangeContent(({ document }) => {
      this.#later(document.uri);
    });
    documents.onDidSave(({ document }) => {
      this.#now(document.uri, true);
    });
    documents.onDidClose(({ document: { uri } }) => {
      this.#forget(uri);
      if (isFile(uri)) folders.edited(toPath(uri), undefined, false);
    });
    this.#registration = documents.listen(connection);
  }

  /** Tells a folder that was not followed before of the files that are open in it. */
  tellAgain(): void {
    for (const { uri } of this.#documents.all()) this.#now(uri, false);
  }

  close(): void {
    this.#registration.dispose();
    for (const uri of [...this.#pending.keys()]) this.#forget(uri);
  }

  #later(uri: string): void {
    if (!isFile(uri)) return;
    const now = performance.now();
    const since = this.#pending.get(uri)?.since ?? now;
    this.#forget(uri);
    const wait = Math.min(quietMs, Math.max(0, since + patienceMs - now));
    const timer = setTimeout(() => {
      this.#now(uri, false);
    }, wait).unref();
    this.#pending.set(uri, { timer, since });
  }

  #now(uri: string, saved: boolean): void {
    this.#forget(uri);
    const document = this.#documents.get(uri);
    if (document !== undefined && isFile(uri)) this.#folders.edited(toPath(uri), document.getText(), saved);
  }

  #forget(uri: string): void {
    clearTimeout(this.#pending.get(uri)?.timer);
    this.#pending.delete(uri);
  }
}

function isFile(uri: string): boolean {
  return uri.startsWith('file:');
}
