/** How a process of ours is started: this Node, this bundle, another entry. */
export interface ProcessCommand {
  file: string;
  args: string[];
  /** Added to the environment of this process. */
  env?: Record<string, string>;
}

/** @param entry `parse`, `inference`, … as `main.ts` knows them. */
export function ownProcess(entry: string, mainFile: string): ProcessCommand {
  // Inside an editor the running binary is Electron, which acts as Node only when told so.
  const env: Record<string, string> = process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' };
  return { file: process.execPath, args: [mainFile, entry], env };
}
