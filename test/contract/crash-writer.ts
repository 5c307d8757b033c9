/**
 * The child of `crash.test.ts`: commits one file after the other and prints the number of each commit once it is
 * acknowledged, until it is killed. Arguments: the store's directory, the number to start with.
 */
import { writeSync } from 'node:fs';
import { openEmbeddedStore } from '../../server/src/store/embedded.ts';
import { batchOf } from './crash-material.ts';
import { space } from './material.ts';

const [directory = '', first = '0'] = process.argv.slice(2);
const store = await openEmbeddedStore({ directory, spaces: [space] });
for (let number = Number(first); ; number++) {
  await store.commit(batchOf(number));
  writeSync(1, `${String(number)}\n`);
}
