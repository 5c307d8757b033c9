import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { errorCodes } from '../../../protocol/errors.ts';
import { tryConnect, untilNobodyAnswers } from './connect.ts';
import { endpoint } from './endpoint.ts';

const mainFile = resolve(import.meta.dirname, '../../../dist/main.mjs');

let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tiercel-connect-'));
});

afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

async function listening(onConnection: (socket: Socket) => void): Promise<{ server: Server; address: string }> {
  const address = process.platform === 'win32' ? `\\\\.\\pipe\\${base}` : join(base, 'socket');
  const server = createServer(onConnection);
  server.listen(address);
  await once(server, 'listening');
  return { server, address };
}

describe('waiting for the end of a server', () => {
  test('lasts until it answers no more, whatever it does with its connections', async () => {
    let connections = 0;
    const { server, address } = await listening((socket) => {
      connections += 1;
      // The first are closed as it begins to end, later ones are held to its end.
      if (connections === 3) server.close();
      socket.write('a line of its log');
      socket.end();
    });
    await untilNobodyAnswers(address);
    expect(server.listening).toBe(false);
    expect(connections).toBe(3);
  });

  test('is given up when somebody answers for too long', async () => {
    const { server, address } = await listening(() => undefined);
    await expect(untilNobodyAnswers(address, 50)).rejects.toMatchObject({
      code: errorCodes.retryLater,
      message: expect.stringContaining('still answers after 0.05 s') as string,
    });
    server.close();
    await once(server, 'close');
  });
});

test('nobody answers after `tiercel stop`', async () => {
  const { TIERCEL_HOME: before } = process.env;
  process.env['TIERCEL_HOME'] = join(base, 'home');
  try {
    const folder = join(base, 'tree');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.ts'), `export function parse() {\n${'  next();\n'.repeat(9)}}\n`);
    await run('index', folder);
    await run('stop');
    expect(await tryConnect(endpoint(mainFile).address)).toBeUndefined();
  } finally {
    if (before === undefined) delete process.env['TIERCEL_HOME'];
    else process.env['TIERCEL_HOME'] = before;
  }
});

async function run(...args: string[]): Promise<void> {
  const child = spawn(process.execPath, [mainFile, ...args], { stdio: 'ignore' });
  await once(child, 'close');
  expect(child.exitCode).toBe(0);
}
