/** A real VS Code: code-server with the extension in it, driven through Chromium. */
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { until } from './checks.mjs';
import { artifacts, repository } from './sandbox.mjs';
import { ensureCodeServer } from './setup.mjs';

const userSettings = {
  'workbench.startupEditor': 'none',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'workbench.enableExperiments': false,
  'workbench.tips.enabled': false,
  'typescript.disableAutomaticTypeAcquisition': true,
  'workbench.reduceMotion': 'on',
  'files.simpleDialog.enable': true,
  'git.openRepositoryInParentFolders': 'never',
};

const chromiumFlags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Accepts rows of a list when one of them contains `text`. */
export const mentions = (text) => (rows) => rows.some((row) => row.includes(text));

/** Accepts rows of a list when the first of them contains `text`. */
export const startsWith = (text) => (rows) => rows[0]?.includes(text) === true;

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class Editor {
  /** @param {import('./sandbox.mjs').Sandbox} sandbox @param {string | undefined} vsix undefined: the working tree */
  static async start(sandbox, vsix) {
    const editor = new Editor();
    editor.sandbox = sandbox;
    editor.vsix = vsix;
    await editor.#startServer();
    editor.browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      headless: true,
      args: chromiumFlags,
      env: sandbox.env,
      // The run ends its processes itself, all of them.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    return editor;
  }

  #shots = 0;

  async #startServer() {
    const { sandbox } = this;
    this.userData = sandbox.path('user-data');
    mkdirSync(path.join(this.userData, 'User'), { recursive: true });
    writeFileSync(path.join(this.userData, 'User/settings.json'), JSON.stringify(userSettings));
    writeFileSync(sandbox.path('config.yaml'), '{}');
    this.setMachineSettings({});
    const env = { ...sandbox.env, EXTENSIONS_GALLERY: '{}' };
    const common = [
      ensureCodeServer(),
      ...['--config', sandbox.path('config.yaml')],
      ...['--user-data-dir', this.userData],
      ...['--extensions-dir', sandbox.path('extensions')],
    ];
    if (this.vsix !== undefined) {
      const installed = spawnSync('node', [...common, '--install-extension', this.vsix], { env, encoding: 'utf8' });
      if (installed.status !== 0) {
        throw new Error(`code-server did not install ${this.vsix}:\n${installed.stdout}${installed.stderr}`);
      }
    }
    const port = await freePort();
    this.origin = `127.0.0.1:${port}`;
    const flags = ['--auth', 'none', '--disable-telemetry', '--disable-update-check', '--disable-workspace-trust'];
    const log = createWriteStream(path.join(artifacts, 'code-server.log'));
    this.server = spawn(
      'node',
      [...common, '--bind-addr', this.origin, ...flags, '--disable-getting-started-override'],
      { env, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.server.stdout.pipe(log);
    this.server.stderr.pipe(log);
    const healthy = () =>
      fetch(`http://${this.origin}/healthz`).then(
        (response) => response.ok,
        () => false,
      );
    await until(healthy, 'code-server answers', 60_000);
  }

  /** Settings of the machine, the only place where machine-scoped settings are read; watched while VS Code runs. */
  setMachineSettings(settings) {
    mkdirSync(path.join(this.userData, 'Machine'), { recursive: true });
    writeFileSync(path.join(this.userData, 'Machine/settings.json'), JSON.stringify(settings));
  }

  /** Opens a window: `{ folder }`, `{ workspace }` or `{}`. Closes the one before. */
  async open(place = {}) {
    await this.closeWindow();
    this.page = await this.browser.newPage({ viewport: { width: 1280, height: 800 } });
    const url = new URL(`http://${this.origin}/`);
    for (const [key, value] of Object.entries(place)) {
      url.searchParams.set(key, value);
    }
    if (place.folder === undefined && place.workspace === undefined) {
      url.searchParams.set('ew', 'true');
    }
    if (this.vsix === undefined) {
      url.searchParams.set(
        'payload',
        JSON.stringify([['extensionDevelopmentPath', `vscode-remote://${this.origin}${repository}`]]),
      );
    }
    await this.page.goto(url.href);
    await this.page.locator('.monaco-workbench .statusbar').waitFor({ timeout: 60_000 });
    // At times VS Code reads a workspace file before its file system answers, and stays without folders.
    if (place.workspace !== undefined && !(await this.#listsFolders())) {
      await this.page.reload();
      await this.page.locator('.monaco-workbench .statusbar').waitFor({ timeout: 60_000 });
    }
  }

  #listsFolders() {
    const rows = this.page.locator('.explorer-folders-view .monaco-list-row');
    return until(async () => (await rows.count()) > 0, 'the explorer lists folders', 15_000).then(
      () => true,
      () => false,
    );
  }

  /** Leaves the page first: without that the extension host waits for a reconnect. */
  async closeWindow() {
    if (this.page !== undefined) {
      await this.page.goto('about:blank');
      await this.page.waitForTimeout(1_500);
      await this.page.close();
      this.page = undefined;
    }
  }

  async stop() {
    await this.closeWindow();
    await this.browser.close();
    this.server.kill();
    await until(() => this.server.exitCode !== null || this.server.signalCode !== null, 'code-server ends', 15_000);
  }

  async screenshot(name) {
    const file = path.join(artifacts, `${String(++this.#shots).padStart(2, '0')}-${name}.png`);
    await this.page?.screenshot({ path: file });
  }

  // Status bar

  get statusItem() {
    return this.page
      .locator('.statusbar-item')
      .filter({ hasText: /Tiercel/ })
      .last();
  }

  async statusText() {
    const item = this.statusItem;
    return (await item.count()) === 0 ? '' : (await item.innerText()).trim();
  }

  /** Waits until the status bar says that everything is indexed. @returns {Promise<number>} the number of chunks */
  async ready(timeoutMs = 90_000) {
    const match = await until(
      async () => /ready, ([\d,]+) chunks?/.exec(await this.statusText()),
      'the status bar says "ready, N chunks"',
      timeoutMs,
      100,
    );
    return Number(match[1].replaceAll(',', ''));
  }

  // Commands and lists

  get input() {
    return this.page.locator('.quick-input-widget .quick-input-box input');
  }

  get rows() {
    return this.page.locator('.quick-input-list .monaco-list-row');
  }

  /** Runs a command through the palette. The palette lists what was known when it opened, so it is opened again. */
  async command(title) {
    const offered = async () => {
      await this.page.keyboard.press('F1');
      await this.input.waitFor();
      await this.input.fill(`>${title}`);
      const first = async () => (await this.rowTexts())[0]?.includes(title);
      return until(first, title, 3_000).catch(() => this.escape().then(() => false));
    };
    await until(offered, `the palette offers "${title}"`, 30_000);
    await this.page.keyboard.press('Enter');
  }

  /** The text of every visible row: label, description and detail, one line each. */
  async rowTexts() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll('.quick-input-list .monaco-list-row')].map((row) => row.getAttribute('aria-label')),
    );
  }

  async quickTitle() {
    const title = this.page.locator('.quick-input-title');
    return (await title.isVisible()) ? (await title.innerText()).trim() : '';
  }

  async openSearch() {
    await this.page.keyboard.press('Control+Alt+Shift+F');
    await until(async () => (await this.quickTitle()).startsWith('Search Code by Meaning'), 'the search box opens');
  }

  /** Types a query and waits until the rows satisfy `accept`. @returns {Promise<string[]>} the rows */
  async search(query, accept = (rows) => rows.length > 0, timeoutMs = 20_000) {
    await this.input.fill(query);
    return this.waitForRows(accept, `rows for "${query}"`, timeoutMs);
  }

  async waitForRows(accept, what, timeoutMs = 20_000) {
    let rows = [];
    const seen = async () => {
      rows = await this.rowTexts();
      return accept(rows);
    };
    try {
      await until(seen, what, timeoutMs);
    } catch (error) {
      throw new Error(`${error.message}; last rows: ${JSON.stringify(rows)}`, { cause: error });
    }
    return rows;
  }

  async escape() {
    await this.page.keyboard.press('Escape');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  // Editors

  /** Opens a file of the workspace by its name. */
  async openFile(name) {
    await this.page.keyboard.press('Control+P');
    await this.input.waitFor();
    await this.input.fill(name);
    await until(async () => (await this.rowTexts())[0]?.startsWith(name), `the list offers ${name}`);
    await this.page.keyboard.press('Enter');
    await this.activeFile(name);
    // What is typed before the editor has the focus is lost.
    await this.page.locator('.editor-group-container.active .monaco-editor.focused').waitFor();
  }

  /** Puts the cursor at a line, and a column. */
  async goToLine(line, column = 1) {
    await this.page.keyboard.press('Control+G');
    await this.input.waitFor();
    await this.input.fill(`:${line}:${column}`);
    await this.page.keyboard.press('Enter');
    await until(
      async () => (await this.selection()).startsWith(`Ln ${line}, Col ${column}`),
      `the cursor is at ${line}:${column}`,
    );
  }

  /** Waits until the active tab is `name`. */
  async activeFile(name) {
    const tab = this.page.locator('.editor-group-container.active .tab.active');
    await until(
      async () => (await tab.count()) > 0 && (await tab.innerText()).includes(name),
      `${name} is the active editor`,
    );
  }

  async openTabs() {
    return this.page.locator('.tab .label-name').allInnerTexts();
  }

  /** What the status bar says about the cursor: `Ln 3, Col 1 (120 selected)`. */
  async selection() {
    const item = this.page.locator('[id="status.editor.selection"]');
    return (await item.count()) === 0 ? '' : (await item.innerText()).trim();
  }

  async closeAllEditors() {
    await this.command('View: Close All Editors');
    await until(async () => (await this.openTabs()).length === 0, 'all editors are closed');
  }

  async notification(text) {
    const toast = this.page.locator('.notifications-toasts .notification-list-item').filter({ hasText: text });
    await toast.first().waitFor();
    return toast.first();
  }

  async clearNotifications() {
    await this.command('Notifications: Clear All Notifications');
  }
}
