/** One request to the per-user server of a run, past every editor. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { repository } from './sandbox.mjs';

/**
 * The server's program. One of another build would be another server, so that of the installed extension is used
 * where there is one.
 * @param {import('./sandbox.mjs').Sandbox} sandbox
 */
export function serverProgram(sandbox) {
  const [installed] = sandbox.find(sandbox.path('extensions'), /\/dist\/main\.mjs$/);
  return installed ?? path.join(repository, 'dist/main.mjs');
}

/**
 * @param {import('./sandbox.mjs').Sandbox} sandbox
 * @param {string} method
 * @param {object} params
 */
export async function askServer(sandbox, method, params) {
  const client = spawn(process.execPath, [serverProgram(sandbox), 'lsp', '--stdio'], {
    env: sandbox.env,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const connection = createMessageConnection(
    new StreamMessageReader(client.stdout),
    new StreamMessageWriter(client.stdin),
  );
  try {
    connection.listen();
    await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
    await connection.sendNotification('initialized', {});
    return await connection.sendRequest(method, params);
  } finally {
    connection.dispose();
    client.kill();
  }
}
