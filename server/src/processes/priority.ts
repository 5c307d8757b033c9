import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

const lowestPriority = 19;

/**
 * Puts a process below this one. The system may refuse, or the process may be gone already: it is then no less polite
 * than any other program.
 *
 * @param by as `nice` counts; Windows takes 7 and more for "below normal"
 */
export function lowerPriority(processId: number, by: number): void {
  if (by === 0) return;
  try {
    setPriority(processId, Math.min(lowestPriority, getPriority() + by));
  } catch {
    return;
  }
  if (process.platform === 'linux') lowerAutogroup(processId, by);
}

/**
 * Linux shares the processors between sessions first (sched(7), "The autogroup feature"): the niceness of a process counts
 * among those of its own session only, and beside a build in a terminal it is the niceness of the session that counts.
 * A process that is in the session of this one stays as it is, or this one would be lowered too.
 */
function lowerAutogroup(processId: number, by: number): void {
  try {
    const [ours, theirs] = ['self', String(processId)].map((id) => readFileSync(autogroupFile(id), 'utf8'));
    const [, group, nice] = /^(\S+) nice (-?\d+)/.exec(theirs ?? '') ?? [];
    if (group === undefined || ours?.startsWith(`${group} `) === true) return;
    writeFileSync(autogroupFile(String(processId)), String(Math.min(lowestPriority, Number(nice) + by)));
  } catch {
    // A kernel without the feature, or a process that is gone.
    return;
  }
}

const autogroupFile = (id: string): string => `/proc/${id}/autogroup`;
