/** What a person does with Tiercel in VS Code, done by a browser. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, until } from './checks.mjs';
import { Editor, mentions } from './editor.mjs';
import { artifacts } from './sandbox.mjs';
import { background } from './vscode-background.mjs';
import { freshness, searching, similarCode } from './vscode-search.mjs';

function serverLog(sandbox) {
  return readFileSync(sandbox.path('tiercel-home/logs/server.log'), 'utf8');
}

/** How often the server found that all files of a folder were to be read. */
function fullScans(sandbox) {
  return [...serverLog(sandbox).matchAll(/\b(\d+) of \1 files to index/g)].length;
}

async function status(checks, editor, sandbox, workspace) {
  await checks.check('the status bar opens a menu, its tooltip has the details', async () => {
    await editor.statusItem.hover();
    const hover = editor.page.locator('.monaco-hover').filter({ hasText: 'chunks of' });
    await hover.waitFor();
    await editor.screenshot('status-tooltip');
    await editor.statusItem.click();
    await editor.waitForRows(mentions('Pause Indexing'), 'the menu opens');
    await editor.screenshot('status-menu');
    await editor.escape();
  });

  await checks.check('Show Index Status opens a readable page', async () => {
    await editor.command('Tiercel: Show Index Status');
    await editor.activeFile('Tiercel Index Status');
    await until(
      async () => (await editor.page.locator('.view-lines').innerText()).includes('Coverage'),
      'the page shows the coverage',
    );
    await editor.screenshot('status-page');
    await editor.closeAllEditors();
  });

  await checks.check('an index that may not grow waits visibly, and goes on when it may', async () => {
    const chunks = await editor.ready();
    editor.setMachineSettings({ 'tiercel.memory.maxVectors': 1 });
    await until(() => serverLog(sandbox).includes('"maxVectors":1,'), 'the server has the setting');
    writeFileSync(path.join(workspace, 'src/seasonal.ts'), 'export const seasonalBanner = () => "lanterns";\n');
    await until(
      async () => (await editor.statusText()).includes('waiting for memory'),
      'the status bar says that it waits',
      30_000,
    );
    // A tooltip opens when the mouse comes, and it may rest there from before.
    await editor.page.mouse.move(640, 400);
    await editor.statusItem.hover();
    await editor.page.locator('.monaco-hover').filter({ hasText: 'waiting for memory' }).waitFor();
    await editor.screenshot('status-waiting');
    await editor.openSearch();
    await editor.search('convert money with exchange rates', mentions('currency.rs'));
    await editor.escape();
    await editor.command('Tiercel: Show Index Status');
    await editor.activeFile('Tiercel Index Status');
    await until(
      async () => (await editor.page.locator('.view-lines').innerText()).includes('Memory'),
      'the page has a section about memory',
    );
    await editor.screenshot('status-page-waiting');
    await editor.closeAllEditors();
    await editor.notification('waiting for memory');
    await editor.page.mouse.move(640, 400);
    await editor.page.locator('.monaco-hover').waitFor({ state: 'hidden' });
    await editor.screenshot('message-waiting');
    await editor.clearNotifications();
    editor.setMachineSettings({});
    await until(async () => (await editor.ready()) > chunks, 'the new file is indexed', 30_000);
    rmSync(path.join(workspace, 'src/seasonal.ts'));
    await until(async () => (await editor.ready()) === chunks, `there are ${chunks} chunks again`);
  });

  await checks.check('indexing can be paused and resumed', async () => {
    await editor.command('Tiercel: Pause Indexing');
    await until(async () => (await editor.statusText()).includes('paused'), 'the status bar says paused');
    await editor.screenshot('status-paused');
    await editor.command('Tiercel: Resume Indexing');
    await editor.ready();
  });

  await checks.check('Rebuild Index asks first, then reads every file again', async () => {
    const chunks = await editor.ready();
    const before = fullScans(sandbox);
    await editor.command('Tiercel: Rebuild Index');
    const dialog = editor.page.locator('.monaco-dialog-box');
    await dialog.waitFor();
    await editor.screenshot('rebuild-dialog');
    expect(fullScans(sandbox) === before, 'it began before it was confirmed');
    await dialog.locator('.monaco-button').filter({ hasText: 'Rebuild' }).click();
    await dialog.waitFor({ state: 'detached' });
    await until(() => fullScans(sandbox) > before, 'every file is read again');
    await until(async () => (await editor.ready()) === chunks, `there are ${chunks} chunks again`);
  });

  await checks.check('a changed setting takes effect at once', async () => {
    const before = await editor.ready();
    editor.setMachineSettings({ 'tiercel.exclude': ['docs/', 'services/'] });
    const less = await until(async () => {
      const chunks = await editor.ready();
      return chunks < before ? chunks : undefined;
    }, 'there are fewer chunks');
    editor.setMachineSettings({});
    await until(async () => (await editor.ready()) === before, `there are ${before} chunks again`);
    return `${before} chunks, ${less} without the excluded folders`;
  });

  await checks.check('the log can be shown', async () => {
    await editor.command('Tiercel: Show Log');
    const channels = () =>
      editor.page.evaluate(() =>
        [...document.querySelectorAll('.part.panel select')].map((select) => select.selectedOptions[0]?.text),
      );
    await until(async () => (await channels()).includes('Tiercel'), 'the output panel shows Tiercel');
    await editor.screenshot('log');
    await editor.page.keyboard.press('Control+J');
  });
}

async function trouble(checks, editor, sandbox) {
  await checks.check('a server process that is killed comes back', async () => {
    await editor.ready();
    const victims = sandbox.processesLike('dist/main.mjs');
    expect(victims.length > 0, 'no server process is running');
    for (const pid of victims) {
      process.kill(pid, 'SIGKILL');
    }
    await until(async () => !(await editor.statusText()).includes('ready'), 'the status bar notices', 10_000, 10);
    const chunks = await editor.ready();
    await editor.openSearch();
    await editor.search('convert money with exchange rates', mentions('currency.rs'));
    await editor.escape();
    return `${victims.length} processes killed, ${chunks} chunks after`;
  });

  await checks.check('a server that cannot start is explained, with a way out', async () => {
    editor.setMachineSettings({ 'tiercel.server.node': '/nowhere/bin/node' });
    await until(async () => (await editor.statusText()).includes('stopped'), 'the status bar says stopped');
    const toast = await editor.notification('/nowhere/bin/node');
    await editor.screenshot('server-missing');
    expect((await toast.innerText()).includes('Restart'), 'the message offers no restart');
    await editor.clearNotifications();
    await editor.openSearch();
    await editor.search('anything', mentions('Press Enter to restart the server'));
    await editor.screenshot('search-without-server');
    await editor.escape();
  });

  await checks.check('it works again once the setting is corrected', async () => {
    editor.setMachineSettings({});
    await editor.clearNotifications();
    await editor.ready();
  });
}

async function otherWindows(checks, editor, sandbox, workspace) {
  await checks.check(
    'several folders are searched together',
    async () => {
      const admin = sandbox.copyWorkspace('shop-admin');
      const file = sandbox.path('both.code-workspace');
      writeFileSync(file, JSON.stringify({ folders: [{ path: workspace }, { path: admin }] }));
      await editor.open({ workspace: file });
      await editor.ready();
      await editor.openSearch();
      const rows = await editor.search(
        'is this role allowed to do the action',
        (found) => mentions('permissions.py')(found) && mentions('shop •')(found),
      );
      expect(mentions('shop-admin •')(rows.slice(0, 2)), 'the folder of the best hit is not among the first two');
      await editor.screenshot('search-two-folders');
      await editor.escape();
    },
    120_000,
  );

  await checks.check('a window without a folder says what to do', async () => {
    await editor.open();
    await editor.command('Tiercel: Search Code by Meaning');
    const toast = await editor.notification('open one first');
    await editor.screenshot('no-folder');
    expect((await toast.innerText()).includes('Open Folder'), 'no button to open a folder');
  });
}

/**
 * @param {import('./checks.mjs').Checks} checks
 * @param {import('./sandbox.mjs').Sandbox} sandbox
 * @param {string | undefined} vsix the package to install; undefined runs the working tree
 */
export async function vscodeChecks(checks, sandbox, vsix) {
  const workspace = sandbox.copyWorkspace('shop');
  const editor = await Editor.start(sandbox, vsix);
  checks.onFailure = async (name) => {
    await editor.screenshot(`failed-${name.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 60)}`);
    for (let press = 0; press < 3; press++) {
      await editor.page?.keyboard.press('Escape');
    }
  };
  try {
    await checks.check(
      'a folder that is opened gets indexed, and the status bar says so',
      async () => {
        await editor.open({ folder: workspace });
        const chunks = await editor.ready();
        await editor.screenshot('ready');
        expect(chunks > 40, `only ${chunks} chunks`);
        return `${chunks} chunks`;
      },
      150_000,
    );
    if (checks.failed.length > 0) {
      return;
    }
    await searching(checks, editor, sandbox, workspace);
    await freshness(checks, editor, workspace);
    await background(checks, editor, sandbox, workspace);
    await similarCode(checks, editor);
    await status(checks, editor, sandbox, workspace);
    await trouble(checks, editor, sandbox);
    await otherWindows(checks, editor, sandbox, workspace);
  } finally {
    checks.onFailure = async () => undefined;
    keepLogs(sandbox);
    await editor.stop();
  }
}

/** Keeps what the extension (one file per window) and the server wrote beside the screenshots. */
function keepLogs(sandbox) {
  const windows = sandbox.find(sandbox.path('user-data/logs'), /Tiercel\.log$/).sort();
  for (const [index, file] of windows.entries()) {
    copyFileSync(file, path.join(artifacts, `window-${index + 1}.log`));
  }
  const [server] = sandbox.find(sandbox.path('tiercel-home/logs'), /server\.log$/);
  if (server !== undefined) {
    copyFileSync(server, path.join(artifacts, 'server.log'));
  }
}
