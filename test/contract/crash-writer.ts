/**
 * The child of the crash tests: makes one commit after the other and prints the number of each once it is acknowledged,
 * until it is killed. Arguments: the store's directory, the number to start with.
 */
import { writeSync } from 'node:fs';
import { openEmbeddedStore } from '../../server/src/store/embedded.ts';
import { batchOf, spaces } from './crash-material.ts';

const [directory = '', first = '0'] = process.argv.slice(2);
const store = await openEmbeddedStore({ directory, spaces });
for (let number = Number(first); ; number++) {
  await store.commit(batchOf(number));
  writeSync(1, `${String(number)}\n`);
}
