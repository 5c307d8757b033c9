/** What the index follows behind a person's back in VS Code: unsaved text, a pause, another branch. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, until } from './checks.mjs';
import { mentions } from './editor.mjs';
import { askServer } from './server.mjs';

export async function background(checks, editor, sandbox, workspace) {
  const finds = async (query, file, word) => {
    const { hits } = await askServer(sandbox, 'tiercel/search', { folder: workspace, query });
    return hits.some((hit) => hit.path.endsWith(file) && hit.snippet.includes(word));
  };
  const git = (...args) =>
    execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.org', ...args], {
      cwd: workspace,
      env: sandbox.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });

  await checks.check('what is typed is found before it is saved, and what is undone is not', async () => {
    const [file] = sandbox.find(workspace, /rateLimiter\.ts$/);
    const before = readFileSync(file, 'utf8');
    editor.setMachineSettings({ 'files.autoSave': 'off' });
    await editor.openFile('rateLimiter.ts');
    await editor.page.keyboard.press('Control+End');
    await editor.page.keyboard.insertText('\nexport const umbrellaStandOccupancy = () => 7;\n');
    await until(
      () => finds('umbrella stand occupancy', 'rateLimiter.ts', 'umbrellaStandOccupancy'),
      'the unsaved text is found',
      20_000,
    );
    await editor.screenshot('unsaved');
    expect(readFileSync(file, 'utf8') === before, 'the text was saved');
    // Each takes back a part of what was typed; more than all is nothing.
    for (let press = 0; press < 8; press++) await editor.page.keyboard.press('Control+Z');
    await until(
      async () => !(await finds('umbrella stand occupancy', 'rateLimiter.ts', 'umbrellaStandOccupancy')),
      'what was undone is not found any more',
      20_000,
    );
    await editor.closeAllEditors();
    editor.setMachineSettings({});
  });

  await checks.check('a pause from the status bar holds until it is resumed', async () => {
    const file = path.join(workspace, 'src/paused.ts');
    await editor.ready();
    await editor.statusItem.click();
    await editor.waitForRows(mentions('Pause Indexing'), 'the menu opens');
    await editor.input.fill('Pause Indexing');
    await editor.page.keyboard.press('Enter');
    await until(async () => (await editor.statusText()).includes('paused'), 'the status bar says paused');
    writeFileSync(file, 'export const lanternFestival = () => "paused";\n');
    // The server has seen the file, and leaves it alone.
    await until(
      async () =>
        (await askServer(sandbox, 'tiercel/search', { folder: workspace, query: 'x' })).coverage.pendingFiles > 0,
      'the change is known',
      20_000,
    );
    expect(!(await finds('lantern festival', 'paused.ts', 'lanternFestival')), 'it was indexed all the same');
    await editor.screenshot('paused-with-changes');
    await editor.command('Tiercel: Resume Indexing');
    await until(() => finds('lantern festival', 'paused.ts', 'lanternFestival'), 'it is found after resuming', 20_000);
    rmSync(file);
    await editor.ready();
  });

  await checks.check('another branch is followed, there and back', async () => {
    const file = path.join(workspace, 'src/branchOnly.ts');
    git('switch', '--quiet', '--create', 'festival');
    writeFileSync(file, 'export const fireworksPermit = () => "granted";\n');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'Festival');
    await until(() => finds('fireworks permit', 'branchOnly.ts', 'fireworksPermit'), 'the branch is found', 20_000);
    git('switch', '--quiet', '-');
    await until(
      async () => !(await finds('fireworks permit', 'branchOnly.ts', 'fireworksPermit')),
      'what is on the other branch only is not found',
      20_000,
    );
    await editor.ready();
  });
}
