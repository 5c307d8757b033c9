import { setImmediate as immediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveSettings } from '../settings/index.ts';
import { FolderSlot, type OpenedFolder } from './slot.ts';
import { testRoom, type TestRoom } from './test-room.ts';

const { settings } = resolveSettings({ deep: 'off' });

let room: TestRoom;
let opens: number;

beforeAll(async () => {
  room = await testRoom();
});

afterAll(async () => {
  await room.remove();
});

function report(error: unknown): void {
  throw error;
}

/** A slot whose folder, once closed, is given back not before `until`. */
function slotHeld(until: Promise<void>, closed?: Promise<void>): FolderSlot {
  opens = 0;
  const open = async (): Promise<OpenedFolder> => {
    opens += 1;
    const models = { deepModel: await room.model('small'), previous: undefined, onComplete: () => Promise.resolve() };
    const { folder, release } = await room.open(models, { deep: 'off' });
    return { folder, release: () => until.then(release) };
  };
  return new FolderSlot(room.root, '', settings, open, report, closed);
}

function gate(): { passed: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((done) => {
    open = done;
  });
  return { passed, open };
}

test('a folder that is being closed is opened again only when that is over', async () => {
  const given = gate();
  const slot = slotHeld(given.passed);
  const first = await slot.folder();
  const closing = slot.closeFolder();
  const again = slot.folder();
  await immediate();
  expect(opens).toBe(1);
  given.open();
  await closing;
  expect(await again).not.toBe(first);
  expect(opens).toBe(2);
  await slot.closeFolder();
});

test('whoever closes what is being closed waits for that', async () => {
  const given = gate();
  const slot = slotHeld(given.passed);
  await slot.folder();
  const ended: string[] = [];
  const first = slot.closeFolder().then(() => ended.push('first'));
  const second = slot.closeFolder().then(() => ended.push('second'));
  await immediate();
  expect(ended).toEqual([]);
  given.open();
  await Promise.all([first, second]);
  expect(ended).toEqual(['first', 'second']);
});

test('a new slot waits for the close of the one before', async () => {
  const given = gate();
  const slot = slotHeld(Promise.resolve(), given.passed);
  const opening = slot.folder();
  await immediate();
  expect(opens).toBe(0);
  // Closed before it is open: it is opened first, which must not wait for that.
  const closing = slot.closeFolder();
  given.open();
  await Promise.all([opening, closing]);
  expect(opens).toBe(1);
});
