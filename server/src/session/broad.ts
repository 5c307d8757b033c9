import { homedir } from 'node:os';
import { relative, sep } from 'node:path';

/** True for the home folder and everything above it: opened by accident, it would be walked and indexed for hours. */
export function isTooBroad(folder: string, home: string = homedir()): boolean {
  const inside = relative(folder, home);
  return inside !== '..' && !inside.startsWith(`..${sep}`);
}
