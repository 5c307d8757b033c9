import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { onLinuxBattery, readBatteryStatus } from './power.ts';

let supplies: string;

beforeEach(() => {
  supplies = mkdtempSync(join(tmpdir(), 'tiercel-power-'));
});

afterEach(() => {
  rmSync(supplies, { recursive: true, force: true });
});

function supply(name: string, properties: Record<string, string>): void {
  mkdirSync(join(supplies, name), { recursive: true });
  for (const [file, value] of Object.entries(properties)) writeFileSync(join(supplies, name, file), `${value}\n`);
}

test('a machine without a battery, or without the folder, is not on one', async () => {
  expect(await onLinuxBattery(supplies)).toBeUndefined();
  supply('AC', { type: 'Mains', online: '0' });
  expect(await onLinuxBattery(supplies)).toBeUndefined();
  expect(await onLinuxBattery(join(supplies, 'nowhere'))).toBeUndefined();
});

test('one that discharges is, unless a charger is connected', async () => {
  supply('BAT0', { type: 'Battery', status: 'Discharging' });
  supply('AC', { type: 'Mains', online: '0' });
  expect(await onLinuxBattery(supplies)).toBe(true);
  supply('BAT1', { type: 'Battery', status: 'Full' });
  expect(await onLinuxBattery(supplies)).toBe(true);
  supply('ucsi-source-psy-1', { type: 'USB', online: '1' });
  expect(await onLinuxBattery(supplies)).toBe(false);
});

test('one that charges is not, and the battery of a mouse counts for nothing', async () => {
  supply('hidpp_battery_0', { type: 'Battery', scope: 'Device', status: 'Discharging' });
  expect(await onLinuxBattery(supplies)).toBeUndefined();
  supply('BAT0', { type: 'Battery', status: 'Charging' });
  expect(await onLinuxBattery(supplies)).toBe(false);
});

test("Windows' batteries: on them when none is charged and the mains give nothing", () => {
  expect(readBatteryStatus('')).toBeUndefined();
  expect(readBatteryStatus('Get-CimInstance : Invalid class')).toBeUndefined();
  expect(readBatteryStatus('1\r\n')).toBe(true);
  expect(readBatteryStatus('5\r\n')).toBe(true);
  expect(readBatteryStatus('2\r\n')).toBe(false);
  expect(readBatteryStatus('9\r\n')).toBe(false);
  // One of two is charged first: the mains are there.
  expect(readBatteryStatus('1\r\n6\r\n')).toBe(false);
});
