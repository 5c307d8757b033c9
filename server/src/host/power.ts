/** Whether the machine runs on its battery. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const linuxSupplies = '/sys/class/power_supply';
const macTimeoutMs = 5000;

/**
 * Linux and macOS say so; on other systems, where asking means starting a slow program, nothing is known.
 *
 * @returns undefined when it is not known, or there is no battery
 */
export function onBattery(platform = process.platform): Promise<boolean | undefined> {
  if (platform === 'linux') return onLinuxBattery(linuxSupplies);
  if (platform === 'darwin') return onMacBattery();
  return Promise.resolve(undefined);
}

/** @param supplies folder with a folder for each power supply, as in sysfs (Documentation/ABI/testing/sysfs-class-power) */
export async function onLinuxBattery(supplies: string): Promise<boolean | undefined> {
  const names = await readdir(supplies).catch((): string[] => []);
  let discharging: boolean | undefined;
  for (const name of names) {
    const property = async (file: string): Promise<string> =>
      (await readFile(join(supplies, name, file), 'utf8').catch(() => '')).trim();
    const type = await property('type');
    if (type === 'Battery') {
      // That of a mouse or a headset.
      if ((await property('scope')) === 'Device') continue;
      discharging = discharging === true || (await property('status')) === 'Discharging';
    } else if ((await property('online')) === '1') {
      return false;
    }
  }
  return discharging;
}

function onMacBattery(): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    execFile('/usr/bin/pmset', ['-g', 'batt'], { timeout: macTimeoutMs }, (error, stdout) => {
      resolve(error === null ? /^Now drawing from 'Battery Power'/m.test(stdout) : undefined);
    });
  });
}
