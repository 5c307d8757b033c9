/** What an answer says of its own completeness. */
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { methods } from '../../protocol/methods.ts';
import type { SearchResult } from '../../protocol/search.ts';
import { createFixture, openLsp } from './fixture.ts';

test('an answer from before the folder was read does not say that it is complete', async () => {
  const fixture = createFixture();
  const client = await openLsp(fixture.env, undefined, { deep: 'off' });
  const ask = (): Promise<SearchResult> =>
    client.connection.sendRequest<SearchResult>(methods.search, {
      folder: fixture.folder,
      query: 'expire old sessions',
      patienceMs: 30_000,
    });
  // Many at once, so that some are under way while the first files get known.
  const askMany = (): Promise<SearchResult[]> => Promise.all(Array.from({ length: 20 }, ask));
  const complete = ({ coverage }: SearchResult): boolean => coverage.lexical === 1 && coverage.instant === 1;
  let latest: Promise<SearchResult[]> = Promise.resolve([]);
  // With the folder, so that the first are asked before it is read, however slow this process is.
  await client.inOnePiece(() => {
    const event = { added: [{ uri: pathToFileURL(fixture.folder).href, name: 'sample' }], removed: [] };
    void client.connection.sendNotification('workspace/didChangeWorkspaceFolders', { event });
    latest = askMany();
  });
  const answers = await latest;
  while (!answers.slice(-20).every(complete)) answers.push(...(await askMany()));
  expect(answers.some((answer) => !complete(answer))).toBe(true);
  for (const { hits } of answers.filter(complete)) {
    expect(hits.map(({ path }) => path)).toContain('src/session store.py');
  }
  await client.end();
  await fixture.dispose();
}, 60_000);
