import { describe, expect, test } from 'vitest';
import { Batch } from './batch.ts';
import { CommitQueue } from './commits.ts';

/** Commits that end when the test says so, in the order in which they began. */
function manual(): { queue: CommitQueue; begun: Batch[]; end: (error?: Error) => void } {
  const begun: Batch[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const queue = new CommitQueue((batch) => {
    begun.push(batch);
    return new Promise((resolve, reject) => {
      ends.push((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  });
  return { queue, begun, end: (error) => ends.shift()?.(error) };
}

/** Lets everything run that can run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function settled(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await turn();
  return done;
}

describe('the way into the store', () => {
  test('one commit at a time, in order', async () => {
    const { queue, begun, end } = manual();
    const batches = [new Batch(), new Batch(), new Batch()];
    for (const batch of batches) queue.add(batch);
    for (const [at, batch] of batches.entries()) {
      await turn();
      expect(begun).toHaveLength(at + 1);
      expect(begun[at]).toBe(batch);
      end();
    }
    await queue.finished();
  });

  test('no room beyond one batch that waits, however long the commit takes', async () => {
    const { queue, end } = manual();
    expect(await settled(queue.room())).toBe(true);
    queue.add(new Batch());
    expect(await settled(queue.room())).toBe(true);
    queue.add(new Batch());
    const readers = Array.from({ length: 20 }, () => queue.room());
    expect(await settled(Promise.race(readers))).toBe(false);
    end();
    await Promise.all(readers);
  });

  test('a failure reaches whoever asks for room or for the end, and nothing is committed after it', async () => {
    const { queue, begun, end } = manual();
    queue.add(new Batch());
    queue.add(new Batch());
    const reader = queue.room();
    await turn();
    end(new Error('disk full'));
    await expect(reader).rejects.toThrow('disk full');
    await expect(queue.room()).rejects.toThrow('disk full');
    await expect(queue.finished()).rejects.toThrow('disk full');
    expect(begun).toHaveLength(1);
  });
});
