import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

export interface Machine {
  processor: string;
  cores: number;
  memoryGiB: number;
  /** Instruction sets that the kernels choose from, where the system says. */
  instructions: string[];
  system: string;
  node: string;
}

const telling = ['avx2', 'avx512f', 'avx512bw', 'avx512_vnni', 'avx512_vpopcntdq', 'avx_vnni', 'asimd', 'asimddp'];

/** What the figures were measured on, without anything that names the machine. */
export function thisMachine(): Machine {
  const info = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const flags = new Set((/^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1] ?? '').trim().split(/\s+/));
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    instructions: telling.filter((name) => flags.has(name)),
    system: `${type()} ${release()} ${process.arch}`,
    node: process.version,
  };
}
