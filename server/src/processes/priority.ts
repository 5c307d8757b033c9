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
}
