import { describe, expect, it } from 'vitest';
import { Scheduler } from './scheduler.ts';

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

/** A text is `id x length`; `0x…` stands for nothing known. */
function encode(text: string): { ids: Int32Array; known: boolean } {
  const [id = 0, length = 1] = text.split('x').map(Number);
  return { ids: new Int32Array(length).fill(id), known: id !== 0 };
}

function start(model: FirstIdModel, lengthStep = 1) {
  const answers = new Map<number, number[]>();
  let tell: (() => void) | undefined;
  const scheduler = new Scheduler({
    model,
    encode,
    dimension: 1,
    lengthStep,
    onVectors: (id, vectors) => {
      answers.set(id, [...vectors]);
      tell?.();
    },
    onFailure: (_id, error) => {
      throw error;
    },
  });
  const answered = (id: number): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (answers.has(id)) resolve();
      };
      tell = check;
      check();
    });
  return { scheduler, answers, answered };
}

describe('the order of work', () => {
  it('puts texts of similar length together and gives the vectors in the order of the texts', async () => {
    const model = new FirstIdModel();
    const { scheduler, answers, answered } = start(model);
    scheduler.add(1, 'passage', ['1x10', '2x250', '3x240', '0x1', '4x12']);
    await answered(1);
    expect(answers.get(1)).toEqual([1, 2, 3, 1, 4]);
    expect(model.batches[0]).toEqual({ rows: [2, 3], length: 250 });
    expect(model.batches.slice(1).flatMap(({ rows }) => rows)).toEqual([4, 1]);
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
    const { scheduler, answered } = start(model, 32);
    scheduler.add(1, 'query', ['5x33']);
    await answered(1);
    expect(model.batches).toEqual([{ rows: [5], length: 64 }]);
  });
});
