/** What editors say about the files of one folder becomes work for its indexer. */
import { isCancelled } from '../../../protocol/errors.ts';
import type { Logger } from '../logging/logger.ts';
import type { Documents } from '../workspace/documents.ts';
import type { FileChange, Workspace } from '../workspace/types.ts';

export interface EditsOptions {
  workspace: Workspace;
  documents: Documents;
  logger: Logger;
  /** Resolves when the folder's files are known. */
  ready: () => Promise<unknown>;
  enqueue: (changes: FileChange[], reason: string) => void;
}

export class Edits {
  readonly #options: EditsOptions;
  /** Files that were indexed as they stood in an editor. */
  readonly #overlaid: Set<string>;
  /** What editors say is taken in, in the order in which they said it. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: EditsOptions) {
    this.#options = options;
    this.#overlaid = new Set(options.documents.unsaved);
  }

  /**
   * An editor has this text for the file, or none any more. Taken in after what was said before; never rejects.
   *
   * @param saved the text was written to the disk just now
   */
  edited(client: object, path: string, text: string | undefined, saved: boolean): Promise<void> {
    const { documents, logger } = this.#options;
    if (text === undefined) documents.close(client, path);
    else if (!documents.of(client).includes(path)) documents.set(client, path, undefined);
    this.#last = this.#last
      .then(() => this.#take(client, path, text, saved))
      .catch((error: unknown) => {
        if (!isCancelled(error)) logger.error(`${path}: its text in an editor could not be taken in`, error);
      });
    return this.#last;
  }

  /** Resolves when all that was said is taken in. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #take(client: object, path: string, text: string | undefined, saved: boolean): Promise<void> {
    const { documents, workspace, ready, enqueue } = this.#options;
    await ready();
    const before = this.#overlaid.has(path);
    // It may have been closed meanwhile.
    const open = documents.of(client).includes(path);
    let changed = false;
    if (text !== undefined && open) {
      const unsaved = (await workspace.savedText(path)) === text ? undefined : text;
      changed = documents.text(path) !== unsaved;
      documents.set(client, path, unsaved);
    }
    const after = documents.text(path) !== undefined;
    if (after) this.#overlaid.add(path);
    else this.#overlaid.delete(path);
    if (!changed && before === after && !saved) return;
    if (!(await workspace.admits(path))) return;
    enqueue([{ path, kind: 'changed' }], saved ? 'saved' : after ? 'edited' : 'no longer edited');
  }
}
