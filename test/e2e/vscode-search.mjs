/** Searching in VS Code, how soon changes are found, and similar code. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, until } from './checks.mjs';
import { mentions, startsWith } from './editor.mjs';
import { askServer } from './server.mjs';

/** A change on disk has to be found within this time. */
const freshnessMs = 2_000;

/**
 * Asks again and again, as somebody who types would, until the rows satisfy `accept`.
 * @returns {Promise<number>} milliseconds since `since` at which they did
 */
async function found(editor, query, since, accept) {
  let attempt = 0;
  let rows = [];
  const end = since + 15_000;
  while (performance.now() < end) {
    await editor.input.fill(`${query}${' '.repeat(attempt++ % 2)}`);
    const pause = performance.now() + 400;
    while (performance.now() < pause) {
      rows = await editor.rowTexts();
      if (accept(rows)) {
        return performance.now() - since;
      }
      await editor.page.waitForTimeout(25);
    }
  }
  throw new Error(`"${query}" never showed what was expected; last rows: ${JSON.stringify(rows)}`);
}

export async function searching(checks, editor, sandbox, workspace) {
  await checks.check('a question is answered while it is typed, best first', async () => {
    await editor.command('Tiercel: Search Code by Meaning');
    await until(async () => (await editor.quickTitle()).startsWith('Search Code by Meaning'), 'the search box opens');
    await editor.screenshot('search-empty');
    await editor.input.pressSequentially('limit requests per client', { delay: 15 });
    const rows = await editor.waitForRows(startsWith('rateLimiter.ts'), 'the rate limiter comes first');
    await editor.screenshot('search-results');
    await editor.escape();
    return `${rows.length} rows`;
  });

  await checks.check('rows keep the order of the server, even when their labels resemble the query', async () => {
    await editor.openSearch();
    for (const query of ['retry', 'session cookie', 'main', 'split']) {
      const { hits } = await askServer(sandbox, 'tiercel/search', { folder: workspace, query, limit: 30 });
      const expected = hits.slice(0, 6).map((hit) => `${hit.path}:${hit.startLine}`);
      await editor.search(query, (rows) => expected.every((place, rank) => rows[rank]?.includes(place)));
    }
    await editor.escape();
  });

  await checks.check('moving through the list previews the place and keeps the focus in the list', async () => {
    await editor.openSearch();
    const rows = await editor.search('verify the signature of a login cookie', mentions('session.ts'));
    const target = rows.findIndex((row) => row.includes('session.ts'));
    await editor.page.keyboard.press('ArrowDown');
    if (target === 0) {
      await editor.page.keyboard.press('ArrowUp');
    }
    for (let step = 1; step < target; step++) {
      await editor.page.keyboard.press('ArrowDown');
    }
    await editor.activeFile('session.ts');
    expect(await editor.input.evaluate((input) => input === document.activeElement), 'the box lost the focus');
    await editor.screenshot('search-preview');
    await editor.escape();
    await until(async () => (await editor.openTabs()).length === 0, 'the preview is closed');
  });

  await checks.check('Escape puts the editor back as it was', async () => {
    await editor.openFile('cart.ts');
    await editor.goToLine(22, 3);
    await editor.openSearch();
    await editor.search('queue of messages', mentions('queue.go'));
    await editor.page.keyboard.press('ArrowDown');
    await until(async () => (await editor.openTabs()).some((tab) => tab !== 'cart.ts'), 'a preview is shown');
    await editor.escape();
    await editor.activeFile('cart.ts');
    await until(async () => (await editor.openTabs()).join() === 'cart.ts', 'only the first tab is left');
    await until(async () => (await editor.selection()) === 'Ln 22, Col 3', 'the cursor is where it was');
  });

  await checks.check('Enter opens the place, its lines selected', async () => {
    await editor.openSearch();
    await editor.search('reduced price for an expired coupon', startsWith('discounts.ts'));
    const [row] = await editor.rowTexts();
    const line = Number(/discounts\.ts:(\d+)/.exec(row)[1]);
    await editor.page.keyboard.press('Enter');
    await editor.activeFile('discounts.ts');
    const selection = await until(
      async () => /Ln (\d+), Col \d+ \((\d+) selected\)/.exec(await editor.selection()),
      'lines are selected',
    );
    expect(Number(selection[2]) > 100, `selected: ${selection[0]}`);
    expect(Number(selection[1]) >= line, `the row says line ${line}, the selection ends at ${selection[1]}`);
    await editor.screenshot('search-opened');
    return `${row.slice(0, 60)} -> ${selection[0]}`;
  });

  await checks.check('the selection becomes the query, and typing replaces it', async () => {
    await editor.openSearch();
    await until(async () => (await editor.input.inputValue()).includes('applyCoupon'), 'the selection is the query');
    await editor.waitForRows(mentions('discounts.ts'), 'rows for the selection');
    await editor.screenshot('search-seeded');
    await editor.page.keyboard.type('x');
    expect((await editor.input.inputValue()) === 'x', `the box says ${await editor.input.inputValue()}`);
    await editor.escape();
    await editor.closeAllEditors();
  });

  await checks.check('the empty box shows earlier queries', async () => {
    await editor.openSearch();
    await editor.waitForRows(startsWith('reduced price for an expired coupon'), 'the earlier query is listed');
    await editor.screenshot('search-history');
    await editor.page.keyboard.press('Enter');
    await editor.waitForRows(startsWith('discounts.ts'), 'the earlier query is asked again');
    await editor.escape();
  });

  await checks.check('a row opens to the side', async () => {
    await editor.openFile('cart.ts');
    await editor.openSearch();
    await editor.search('tax on an invoice', startsWith('invoice.ts'));
    await editor.rows.first().hover();
    await editor.rows.first().locator('.codicon-split-horizontal').click();
    await editor.activeFile('invoice.ts');
    const groups = await editor.page.locator('.editor-group-container').count();
    expect(groups === 2, `${groups} editor groups`);
    await editor.closeAllEditors();
  });
}

export async function freshness(checks, editor, workspace) {
  const file = path.join(workspace, 'src/orders/giftCard.ts');
  const renamed = path.join(workspace, 'src/orders/voucherBalance.ts');
  const query = 'deduct purchase from the remaining balance of a gift card';
  const source = (name) => `/** Deducts a purchase from the remaining balance of a gift card. */
export function ${name}(balanceInCents: number, purchaseInCents: number): number {
  if (purchaseInCents > balanceInCents) {
    throw new Error('The gift card does not cover this purchase');
  }
  return balanceInCents - purchaseInCents;
}
`;
  const cases = [
    [
      'a created file',
      () => writeFileSync(file, source('redeemGiftCard')),
      (rows) => rows.some((row) => row.includes('giftCard.ts') && row.includes('redeemGiftCard')),
    ],
    [
      'a changed file',
      () => writeFileSync(file, source('spendPrepaidCredit')),
      (rows) => rows.some((row) => row.includes('giftCard.ts') && row.includes('spendPrepaidCredit')),
    ],
    [
      'a renamed file',
      () => renameSync(file, renamed),
      (rows) => mentions('voucherBalance.ts')(rows) && !mentions('giftCard.ts')(rows),
    ],
    ['a deleted file', () => rmSync(renamed), (rows) => rows.length > 0 && !mentions('voucherBalance.ts')(rows)],
  ];
  await editor.openSearch();
  for (const [name, change, accept] of cases) {
    await checks.check(`${name} is reflected within ${freshnessMs / 1000} s`, async () => {
      const since = performance.now();
      change();
      const took = await found(editor, query, since, accept);
      expect(took <= freshnessMs, `it took ${Math.round(took)} ms`);
      return `${Math.round(took)} ms, typing included`;
    });
  }
  await editor.escape();

  await checks.check('a file saved in the editor is reflected', async () => {
    await editor.openFile('cart.css');
    await editor.page.keyboard.press('Control+End');
    await editor.page.keyboard.insertText('\n.loyalty-stamp-badge {\n  transform: rotate(12deg);\n}\n');
    await editor.page.keyboard.press('Control+S');
    const since = performance.now();
    await editor.openSearch();
    const took = await found(editor, 'loyalty stamp badge', since, (rows) => rows[0]?.includes('cart.css') === true);
    await editor.escape();
    await editor.closeAllEditors();
    return `${Math.round(took)} ms, opening the box included`;
  });
}

export async function similarCode(checks, editor) {
  const listed = async (accept, what) => {
    await until(async () => (await editor.quickTitle()).startsWith('Similar Code'), 'the list of similar code opens');
    return editor.waitForRows(accept, what);
  };

  await checks.check('Go to Similar Code lists the same idea in other languages', async () => {
    await editor.openFile('retry.ts');
    await editor.goToLine(9, 5);
    await editor.command('Tiercel: Go to Similar Code');
    const rows = await listed((texts) => texts.length > 0, 'the list has places');
    await editor.screenshot('similar-list');
    const all = rows.join(' ');
    expect(all.includes('retry.go') && all.includes('http_client.py'), `listed: ${all}`);
    await editor.page.keyboard.press('Escape');
  });

  await checks.check('Go to Similar Code is in the context menu and takes the selection', async () => {
    await editor.goToLine(11, 1);
    await editor.page.keyboard.press('Shift+ArrowDown');
    await editor.page.keyboard.press('Shift+ArrowDown');
    await editor.page
      .locator('.view-line')
      .nth(10)
      .click({ button: 'right', position: { x: 40, y: 8 } });
    const entry = editor.page.locator('.monaco-menu .action-item').filter({ hasText: 'Go to Similar Code' });
    await entry.waitFor();
    await editor.screenshot('similar-context-menu');
    await entry.click();
    await listed((texts) => texts.length > 0, 'the list has places');
    await editor.page.keyboard.press('Escape');
    await editor.closeAllEditors();
  });

  await checks.check('Find Code Clones lists groups or says that there are none', async () => {
    await editor.command('Tiercel: Find Code Clones');
    const shown = async () =>
      (await editor.quickTitle()).startsWith('Code Clones') ||
      (await editor.page.locator('.notification-list-item').allInnerTexts()).some((text) => text.includes('No clones'));
    await until(shown, 'the groups are listed, or a message says that there are none');
    await editor.screenshot('clones');
    await editor.page.keyboard.press('Escape');
  });
}
