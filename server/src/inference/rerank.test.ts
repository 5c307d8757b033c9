import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelCatalog, type ResolvedModel } from './models/catalog.ts';
import { openReranker, reorder, type Reranker } from './rerank.ts';
import { SupervisedModel } from './supervise.ts';
import { bundleInferenceProcess, type BundledProcess } from './test-process.ts';

const builtIn = fileURLToPath(new URL('../../../models', import.meta.url));
const question = 'how is a file read line by line';
const answer = 'def lines(path):\n    with open(path) as file:\n        for line in file:\n            yield line';
const others = [
  'class Stack: def push(self, item): self.items.append(item)',
  'func sqrt(x float64) float64 { return newton(x, 20) }',
  'SELECT count(*) FROM orders WHERE paid = 0',
];

let bundle: BundledProcess;
let model: ResolvedModel;
let reranker: Reranker;

beforeAll(async () => {
  bundle = await bundleInferenceProcess();
  model = await new ModelCatalog(builtIn, join(tmpdir(), 'tiercel-no-models')).resolve('minilm-l6');
  reranker = openReranker({ model, command: bundle.command, choice: { provider: 'cpu', why: '' }, threads: 1 });
});

afterAll(async () => {
  await reranker.close();
  await bundle.remove();
});

/** No order before. */
const alike = (): number => 0;

function many(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${others[i % 3] ?? ''} ${i} `.repeat(8));
}

function processOf({ processId }: Reranker): number {
  if (processId === undefined) throw new Error('no process is running');
  return processId;
}

describe('reranking by late interaction', () => {
  it('comes back without scores within its budget while the model is loading', async () => {
    const { scores, complete, milliseconds } = await reranker.rerank(question, [answer], { budgetMs: 0 });
    expect([scores.length, complete]).toEqual([0, false]);
    expect(milliseconds).toBeLessThan(5000);
    await reranker.load();
    expect(reranker.loaded).toBe(true);
  });

  it('puts the text that answers first', async () => {
    const { scores, complete } = await reranker.rerank(question, [...others, answer], { budgetMs: 30_000 });
    expect(complete).toBe(true);
    expect(reorder([...others, answer], scores, alike)[0]).toBe(answer);
    expect(Math.max(...scores)).toBeLessThanOrEqual(1.0001);
  });

  it('comes back when the budget ends, and what has no score stays in its order', async () => {
    const texts = [answer, ...many(400)];
    const { scores, complete, milliseconds } = await reranker.rerank(question, texts, { budgetMs: 300 });
    expect(complete).toBe(false);
    expect(scores.length).toBeLessThan(texts.length);
    expect(milliseconds).toBeLessThan(5000);
    const order = reorder(texts, scores, alike);
    expect(order).toHaveLength(texts.length);
    expect(order.slice(scores.length)).toEqual(texts.slice(scores.length));
  });

  it('keeps what is scored when the budget ends', async () => {
    // Of the process itself: where the machine stands still as the answer comes, the reranker gives it up.
    const process = new SupervisedModel({
      command: bundle.command,
      idleMs: 60_000,
      background: false,
      open: () => ({ model: model.spec('cpu'), provider: 'cpu', threads: 1, selfTest: 'none', yieldMs: 0 }),
    });
    await process.load();
    const texts = [answer, ...many(4000)];
    const reply = await process.request({ kind: 'rerank', query: question, texts, budgetMs: 1000 });
    await process.close();
    const scored = reply.kind === 'scores' ? reply.scores.byteLength / Float32Array.BYTES_PER_ELEMENT : 0;
    expect(scored).toBeGreaterThan(0);
    expect(scored).toBeLessThan(texts.length);
  });

  it('takes an answer that came in time, although this process was paused meanwhile', async () => {
    const budgetMs = 1000;
    const under = reranker.rerank(question, [answer], { budgetMs });
    await immediate();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, budgetMs + 500);
    expect((await under).complete).toBe(true);
  });

  it('goes on with another process when one is killed, and can be cancelled', async () => {
    const under = reranker.rerank(question, [...others, answer], { budgetMs: 30_000 });
    process.kill(processOf(reranker), 'SIGKILL');
    expect((await under).complete).toBe(true);
    const stop = new AbortController();
    const cancelled = reranker.rerank(question, [answer], { budgetMs: 30_000, signal: stop.signal });
    stop.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'Cancelled' });
    expect((await reranker.rerank(question, [])).complete).toBe(true);
  });
});

it('leaves what has no score where it was', () => {
  expect(reorder(['a', 'b', 'c', 'd'], Float32Array.of(1, 3, 2), alike)).toEqual(['b', 'c', 'a', 'd']);
  expect(reorder(['a', 'b'], new Float32Array(0), alike)).toEqual(['a', 'b']);
});

it('weighs what it finds against the order before', () => {
  const clear = (name: string): number => ({ a: 9, b: 2, c: 1 })[name] ?? 0;
  expect(reorder(['a', 'b', 'c'], Float32Array.of(0.5, 0.4, 0.6), clear)).toEqual(['a', 'c', 'b']);
  const close = (name: string): number => ({ a: 1.2, b: 1.1, c: 1, d: -3 })[name] ?? 0;
  expect(reorder(['a', 'b', 'c', 'd'], Float32Array.of(0.1, 0.1, 0.9, 0.1), close)).toEqual(['c', 'a', 'b', 'd']);
});
