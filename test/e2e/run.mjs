/**
 * The end-to-end test: `npm run test:e2e`.
 *
 *   node test/e2e/run.mjs [--vsix FILE | --working-tree] [--only vscode|neovim]
 *
 * Without options it packages the extension, installs it in a real VS Code and drives that through a browser; then
 * Neovim. Screenshots and logs are kept in test/artifacts/e2e. Exit code 0 only when everything passed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Checks, until } from './checks.mjs';
import { neovimChecks } from './neovim.mjs';
import { artifacts, repository, Sandbox } from './sandbox.mjs';
import { askServer } from './server.mjs';
import { vscodeChecks } from './vscode.mjs';

const { values: options } = parseArgs({
  options: { vsix: { type: 'string' }, 'working-tree': { type: 'boolean' }, only: { type: 'string' } },
});

/** @returns {string} path of the package, the last line that packaging prints */
function packageExtension() {
  const { status, stdout } = spawnSync('npm', ['run', '--silent', 'package'], {
    cwd: repository,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const file = stdout.trim().split('\n').at(-1);
  if (status !== 0 || file === undefined || !existsSync(file)) {
    throw new Error(`npm run package failed:\n${stdout}`);
  }
  return file;
}

async function main() {
  if (options.only !== 'neovim') {
    rmSync(artifacts, { recursive: true, force: true });
  }
  const checks = new Checks();
  const sandbox = new Sandbox();
  const stop = () => void sandbox.dispose().finally(() => process.exit(130));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    if (options.only !== 'neovim') {
      const vsix = options.vsix ?? (options['working-tree'] ? undefined : packageExtension());
      await vscodeChecks(checks, sandbox, vsix === undefined ? undefined : path.resolve(vsix));
    }
    if (options.only !== 'vscode') {
      await neovimChecks(checks, sandbox);
    }
    await checks.check('no process is left when the server was asked to end', async () => {
      await askServer(sandbox, 'tiercel/shutdownServer', {});
      await until(() => sandbox.processes().length === 0, 'all processes of this run ended', 20_000);
    });
  } finally {
    const left = await sandbox.dispose();
    for (const line of left) {
      process.stdout.write(`had to end ${line}\n`);
    }
  }
  process.stdout.write(`${checks.summary()}\n`);
  process.exitCode = checks.failed.length === 0 ? 0 : 1;
}

await main();
