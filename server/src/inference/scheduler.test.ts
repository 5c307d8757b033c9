import { describe, expect, it } from 'vitest';
import { bucketOf } from './buckets.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';

/** A model of one component, the first id of the row; it tells which rows it got. */
class FirstIdModel {
  readonly batches: { rows: number[]; length: number }[] = [];
  onRun: (() => void) | undefined;

  run(rows: readonly Int32Array[], length: number): Promise<Float32Array> {
    this.batches.push({ rows: rows.map((row) => row[0] ?? 0), length });
    this.onRun?.();
    return Promise.resolve(Float32Array.from(rows, (row) => row[0] ?? 0));
  }
}

/** Has memory for so many tokens. */
class MeteredModel extends FirstIdModel {
  refused = 0;
  readonly #tokens: number;

  constructor(tokens: number) {
    super();
    this.#tokens = tokens;
  }

  override run(rows: readonly Int32Array[], length: number): Promise<Float32Array> {
    if (rows.length * length <= this.#tokens) return super.run(rows, length);
    this.refused++;
    return Promise.reject(new Error('Failed to allocate memory for requested buffer of size 1048576'));
  }
}

/** A text is `id x length`; `0x…` stands for nothing known. */
function encode(text: string): { ids: Int32Array; known: boolean } {
  const [id = 0, length = 1] = text.split('x').map(Number);
  return { ids: new Int32Array(length).fill(id), known: id !== 0 };
}

function start(model: FirstIdModel, more: Partial<SchedulerOptions> = {}) {
  const answers = new Map<number, number[]>();
  const ceilings: number[] = [];
  let tell: (() => void) | undefined;
  const scheduler = new Scheduler({
    model,
    encode,
    dimension: 1,
    bucket: (tokens) => tokens,
    yieldMs: 0,
    onCeiling: (tokens) => ceilings.push(tokens),
    onVectors: (id, vectors) => {
      answers.set(id, [...vectors]);
      tell?.();
    },
    onFailure: (_id, error) => {
      throw error;
    },
    ...more,
  });
  const answered = (id: number): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (answers.has(id)) resolve();
      };
      tell = check;
      check();
    });
  return { scheduler, answers, ceilings, answered };
}

describe('the order of work', () => {
  it('puts texts of similar length together and gives the vectors in the order of the texts', async () => {
    const model = new FirstIdModel();
    const { scheduler, answers, answered } = start(model);
    scheduler.add(1, 'passage', ['1x10', '2x250', '3x240', '0x1', '4x12']);
    await answered(1);
    expect(answers.get(1)).toEqual([1, 2, 3, 1, 4]);
    expect(model.batches.flatMap(({ rows }) => rows)).toEqual([2, 3, 4, 1]);
    expect(model.batches.slice(0, 2).map(({ length }) => length)).toEqual([250, 240]);
  });

  it('answers a question between two batches of passages', async () => {
    const model = new FirstIdModel();
    const { scheduler, answered } = start(model);
    scheduler.add(1, 'passage', new Array<string>(64).fill('1x256'));
    model.onRun = () => {
      model.onRun = undefined;
      scheduler.add(2, 'query', ['9x8']);
    };
    await answered(1);
    expect(model.batches[1]?.rows).toEqual([9]);
  });

  it('computes nothing more for a cancelled request', async () => {
    const model = new FirstIdModel();
    const { scheduler, answers, answered } = start(model);
    scheduler.add(1, 'passage', new Array<string>(64).fill('1x256'));
    scheduler.add(2, 'passage', ['2x4']);
    model.onRun = () => {
      model.onRun = undefined;
      scheduler.cancel(1);
    };
    await answered(2);
    expect(answers.has(1)).toBe(false);
    expect(model.batches).toHaveLength(2);
  });

  it('rounds lengths up where shapes are dear', async () => {
    const model = new FirstIdModel();
    const { scheduler, answered } = start(model, { bucket: (tokens) => bucketOf(tokens, true, 256) });
    scheduler.add(1, 'query', ['5x33']);
    await answered(1);
    expect(model.batches).toEqual([{ rows: [5], length: 48 }]);
    expect([1, 16, 17, 65, 250, 257, 2000].map((tokens) => bucketOf(tokens, true, 512))).toEqual([
      16, 16, 32, 96, 256, 384, 2000,
    ]);
    expect(bucketOf(33, false, 512)).toBe(33);
  });

  it('begins with small batches and grows while they are fast', async () => {
    const model = new FirstIdModel();
    const { scheduler, answered } = start(model);
    scheduler.add(1, 'passage', new Array<string>(640).fill('1x64'));
    await answered(1);
    const sizes = model.batches.map(({ rows }) => rows.length);
    expect(sizes[0]).toBe(4);
    expect(sizes.slice(0, 4)).toEqual([4, 8, 16, 32]);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(640);
  });

  it('halves batches the device has no memory for, says so, and stays below', async () => {
    const model = new MeteredModel(300);
    const { scheduler, answers, ceilings, answered } = start(model);
    scheduler.add(1, 'passage', new Array<string>(64).fill('7x64'));
    await answered(1);
    expect(answers.get(1)).toEqual(new Array<number>(64).fill(7));
    expect(ceilings).toEqual([256]);
    expect(model.refused).toBe(1);
    const again = new MeteredModel(300);
    const later = start(again, { ceiling: 256 });
    later.scheduler.add(1, 'passage', new Array<string>(64).fill('7x64'));
    await later.answered(1);
    expect(again.refused).toBe(0);
  });

  it('reports a single text the device has no memory for', async () => {
    const failures: unknown[] = [];
    await new Promise<void>((resolve) => {
      const { scheduler } = start(new MeteredModel(100), {
        onFailure: (_id, error) => {
          failures.push(error);
          resolve();
        },
      });
      scheduler.add(1, 'passage', ['7x200']);
    });
    expect(failures).toMatchObject([{ code: 'MemoryPressure' }]);
  });

  it('leaves the device to others after each batch of passages, not after questions', async () => {
    const model = new FirstIdModel();
    const { scheduler, answered } = start(model, { yieldMs: 40 });
    const started = performance.now();
    scheduler.add(1, 'passage', new Array<string>(12).fill('1x64'));
    await answered(1);
    expect(model.batches).toHaveLength(2);
    expect(performance.now() - started).toBeGreaterThanOrEqual(39);
  });
});
