import { readFileSync } from 'node:fs';

/** Of `/proc`: USER_HZ is 100 on every architecture Linux runs Node on (proc(5)). */
const ticksPerSecond = 100;

export interface CpuTime {
  /** Processor time used so far. */
  milliseconds: number;
  /** It has work to do, and has a processor or waits for one. */
  runnable: boolean;
}

/** Undefined where the system does not say. */
export function cpuTime(processId: number): CpuTime | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'utf8');
    // The name, in parentheses, may contain anything; user and system time are the 14th and 15th field.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    if (!Number.isFinite(ticks)) return undefined;
    return { milliseconds: (ticks * 1000) / ticksPerSecond, runnable: fields[0] === 'R' };
  } catch {
    return undefined;
  }
}
