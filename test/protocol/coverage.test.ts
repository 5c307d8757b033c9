/** What an answer says of its own completeness. */
import { expect, test } from 'vitest';
import { methods } from '../../protocol/methods.ts';
import type { SearchResult } from '../../protocol/search.ts';
import { Client } from '../model/client.ts';
import { createFixture } from './fixture.ts';

test('an answer from before the folder was read does not say that it is complete', async () => {
  const fixture = createFixture();
  const client = await Client.open({ home: fixture.home, folders: [fixture.folder], tells: false });
  const ask = (): Promise<SearchResult> =>
    client.connection.sendRequest<SearchResult>(methods.search, {
      folder: fixture.folder,
      query: 'expire old sessions',
      patienceMs: 30_000,
    });
  // Many at once, so that some are under way while the first files get known.
  const answers: SearchResult[] = [];
  const complete = ({ coverage }: SearchResult): boolean => coverage.lexical === 1 && coverage.instant === 1;
  do answers.push(...(await Promise.all(Array.from({ length: 20 }, ask))));
  while (!answers.slice(-20).every(complete));
  expect(answers.some((answer) => !complete(answer))).toBe(true);
  for (const { hits } of answers.filter(complete)) {
    expect(hits.map(({ path }) => path)).toContain('src/session store.py');
  }
  await client.end();
  await fixture.dispose();
}, 60_000);
