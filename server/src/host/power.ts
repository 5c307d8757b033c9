/** Whether the machine runs on its battery. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const linuxSupplies = '/sys/class/power_supply';
const timeoutMs = 5000;
/** PowerShell takes seconds to start on a slow machine. */
const windowsTimeoutMs = 20_000;
/** Win32_Battery.BatteryStatus: discharging, low, critical. While it charges, the last two have numbers of their own. */
const discharging = new Set(['1', '4', '5']);

/** How often it is worth asking, milliseconds: on Windows it costs the start of a program of half a second. */
export function powerCheckMs(platform = process.platform): number {
  return platform === 'win32' ? 300_000 : 30_000;
}

/**
 * @returns undefined when it is not known, or there is no battery
 */
export function onBattery(platform = process.platform): Promise<boolean | undefined> {
  if (platform === 'linux') return onLinuxBattery(linuxSupplies);
  if (platform === 'darwin') return onMacBattery();
  if (platform === 'win32') return onWindowsBattery();
  return Promise.resolve(undefined);
}

/** @param supplies folder with a folder for each power supply, as in sysfs (Documentation/ABI/testing/sysfs-class-power) */
export async function onLinuxBattery(supplies: string): Promise<boolean | undefined> {
  const names = await readdir(supplies).catch((): string[] => []);
  let onIt: boolean | undefined;
  for (const name of names) {
    const property = async (file: string): Promise<string> =>
      (await readFile(join(supplies, name, file), 'utf8').catch(() => '')).trim();
    const type = await property('type');
    if (type === 'Battery') {
      // That of a mouse or a headset.
      if ((await property('scope')) === 'Device') continue;
      onIt = onIt === true || (await property('status')) === 'Discharging';
    } else if ((await property('online')) === '1') {
      return false;
    }
  }
  return onIt;
}

function onMacBattery(): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    execFile('/usr/bin/pmset', ['-g', 'batt'], { timeout: timeoutMs }, (error, stdout) => {
      resolve(error === null ? /^Now drawing from 'Battery Power'/m.test(stdout) : undefined);
    });
  });
}

function onWindowsBattery(): Promise<boolean | undefined> {
  const query = '(Get-CimInstance -ClassName Win32_Battery).BatteryStatus';
  const args = ['-NoProfile', '-NonInteractive', '-Command', query];
  return new Promise((resolve) => {
    execFile('powershell.exe', args, { timeout: windowsTimeoutMs, windowsHide: true }, (error, stdout) => {
      resolve(error === null ? readBatteryStatus(stdout) : undefined);
    });
  });
}

/** @param printed `BatteryStatus` of each battery, one a line; nothing where there is none */
export function readBatteryStatus(printed: string): boolean | undefined {
  const states = printed.split(/\s+/).filter((state) => /^\d+$/.test(state));
  return states.length === 0 ? undefined : states.every((state) => discharging.has(state));
}
