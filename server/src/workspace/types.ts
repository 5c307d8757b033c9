/** Which files a folder has, and what they contain now. Paths are relative to the root with `/`. */

export interface FileEntry {
  path: string;
  size: number;
  mtimeMs: number;
}

export const skipReasons = ['binary', 'too-large', 'generated', 'minified', 'unreadable', 'not-text', 'empty'] as const;
/** Why a file is known but not indexed. `generated` and `minified` are judged by content and name. */
export type SkipReason = (typeof skipReasons)[number];

export type FileContent =
  | {
      kind: 'text';
      entry: FileEntry;
      /** 16 bytes: the first half of the SHA-256 of the bytes read. */
      hash: Uint8Array;
      language: string;
      text: string;
    }
  | { kind: 'skipped'; entry: FileEntry; hash: Uint8Array; language: string; reason: SkipReason; detail?: string }
  /** Not there any more. */
  | { kind: 'gone' };

export interface FileChange {
  path: string;
  kind: 'changed' | 'removed';
}

/** What a client says has happened to a path. */
export interface Touch {
  path: string;
  /** It may have come, gone or been replaced; otherwise its content changed. */
  renamed: boolean;
}

/** Texts that stand in for files: what editors hold and have not saved. */
export interface Overlay {
  text(path: string): string | undefined;
}

export interface WorkspaceOptions {
  /** Absolute, existing folder. */
  root: string;
  /** gitignore-style patterns on top of .gitignore and .ignore. */
  exclude: string[];
  maxFileBytes: number;
  overlay?: Overlay;
  /** A client tells what happens in the folder, so that it need not be watched. */
  told?: boolean;
}

export interface Workspace {
  /** Real path of the folder, the `tree` of the store. */
  readonly root: string;
  /** Files to consider, in path order: git's tracked and untracked-not-ignored, or a walk where git is not used. */
  list(signal?: AbortSignal): Promise<FileEntry[]>;
  /** Current content of the file: as it stands in an editor, else on the disk. */
  read(path: string): Promise<FileContent>;
  /** The text on the disk, whatever editors hold; undefined when it has none or cannot be read. */
  savedText(path: string): Promise<string | undefined>;
  /** Whether {@link list} would give the file now. */
  admits(path: string): Promise<boolean>;
  /** Lines `start..end` (1-based, inclusive) of the current content; empty when it cannot be read. */
  lines(path: string, start: number, end: number): Promise<string[]>;
  /**
   * Watches for changes until closed; `onChange` gets coalesced batches of files that pass the same rules as `list`, with
   * the reason why they are thought to have changed. `onRescan` is called when single events are not enough (ignore rules
   * changed, events lost). `onProblem` gets one sentence when watching is limited (out of handles), with what is done
   * instead. From time to time the folder is compared all the same, for events that never came.
   */
  watch(handlers: {
    onChange(changes: FileChange[], reason: string): void;
    onRescan(reason: string): void;
    onProblem(message: string): void;
  }): Promise<void>;
  /** From now on a client tells what happens ({@link tell}), or no longer does. */
  setTold(told: boolean): Promise<void>;
  /** What a client says has happened. */
  tell(touches: readonly Touch[]): void;
  /** Looks at once for what events may have missed. */
  look(): Promise<void>;
  close(): Promise<void>;
}
