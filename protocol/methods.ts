/** Names of all requests and notifications, and of their `workspace/executeCommand` twins (same name, same params). */
export const methods = {
  /** SearchParams -> SearchResult */
  search: 'tiercel/search',
  /** SimilarParams -> SimilarResult */
  similar: 'tiercel/similar',
  /** ClonesParams -> ClonesResult */
  clones: 'tiercel/clones',
  /** FolderParams -> FolderStatus */
  status: 'tiercel/status',
  /** IndexParams -> IndexResult, when lexical and instant lanes (and deep, if asked) are complete */
  index: 'tiercel/index',
  /** FolderParams -> null */
  pause: 'tiercel/pause',
  /** FolderParams -> null */
  resume: 'tiercel/resume',
  /** FolderParams -> null; what is indexed is kept, and kept up to date, the rest of the work is given up */
  cancel: 'tiercel/cancel',
  /** FolderParams -> RetryResult; tries files again that could not be read, parsed or embedded */
  retry: 'tiercel/retry',
  /** FilesParams -> FilesResult; what is in the index, file by file */
  files: 'tiercel/files',
  /** {} -> null; the server ends once the answer is sent */
  shutdownServer: 'tiercel/shutdownServer',
} as const;

export const notifications = {
  /** IndexProgress, to every client that has the folder open */
  progress: 'tiercel/progress',
} as const;

/** Bumped whenever a client and a server of different values must not talk to each other. */
export const protocolVersion = 1;
