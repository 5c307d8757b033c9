/** What the processes of one Tiercel home take, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** @returns {{ pid: number, role: string }[]} */
export function processesOf(mainFile, home) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        const at = args.indexOf(mainFile);
        if (at === -1 || !readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TIERCEL_HOME=${home}\0`)) return [];
        return [{ pid: Number(pid), role: args[at + 1] ?? '' }];
      } catch {
        // It ended between listing and reading.
        return [];
      }
    });
}

/** Largest resident size so far, bytes. */
export function peakBytes(pid) {
  try {
    const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Processor time used so far, seconds. The clock of /proc ticks a hundred times a second. */
export function cpuSeconds(pid) {
  return ticks(pid, 11) / 100;
}

/** The same of a process's children that ended, and theirs: the git programs it ran, say. */
export function endedChildrenSeconds(pid) {
  return ticks(pid, 13) / 100;
}

/** Sum of two fields of /proc/PID/stat, counted from the one after the name: time in the program and in the system. */
function ticks(pid, at) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return Number(fields[at]) + Number(fields[at + 1]);
  } catch {
    return 0;
  }
}
