import { describe, expect, it } from 'vitest';
import type { EngineSettings } from '../../../protocol/settings.ts';
import { resolveEngineSettings, thisMachine, type Machine } from './engine.ts';
import { resolveSettings } from './index.ts';

const gibibyte = 1024 ** 3;
const machine: Machine = { memory: 8 * gibibyte, freeDisk: 50 * gibibyte, environment: {} };
const wish = (raw: object): EngineSettings => resolveSettings(raw).settings;

describe('settings of the engine', () => {
  it('go by the machine where nobody wishes', () => {
    expect(resolveEngineSettings([], machine)).toEqual({
      memoryBudget: gibibyte,
      diskBudget: 5 * gibibyte,
      maxVectors: 0,
      policy: 'w-tinylfu',
      threads: 0,
      index: 'auto',
      recall: 'balanced',
      gpu: { mode: 'auto', memoryBudget: 0, allowSoftware: false },
    });
    const budgets = (memory: number, freeDisk: number): number[] => {
      const resolved = resolveEngineSettings([], { ...machine, memory, freeDisk });
      return [resolved.memoryBudget / gibibyte, resolved.diskBudget / gibibyte];
    };
    expect(budgets(gibibyte, 0)).toEqual([0.25, 1]);
    expect(budgets(256 * gibibyte, 4000 * gibibyte)).toEqual([2, 10]);
  });

  it('follow the latest client with a wish, member by member', () => {
    const first = wish({ memory: { budget: 300, policy: 'lru' }, search: { index: 'exact' } });
    const second = wish({ memory: { budget: 400, maxVectors: 1000 }, disk: { budget: 50 } });
    const third = wish({});
    expect(resolveEngineSettings([first, second, third], machine)).toMatchObject({
      memoryBudget: 400 * 1024 ** 2,
      diskBudget: 50 * 1024 ** 2,
      maxVectors: 1000,
      policy: 'lru',
      index: 'exact',
    });
    expect(resolveEngineSettings([second, first], machine).memoryBudget).toBe(300 * 1024 ** 2);
  });

  it('take budgets from the environment where no client wishes', () => {
    const environment = { TIERCEL_MEMORY_BUDGET: '64', TIERCEL_DISK_BUDGET: 'much' };
    const set = { ...machine, environment };
    expect(resolveEngineSettings([], set)).toMatchObject({
      memoryBudget: 64 * 1024 ** 2,
      diskBudget: 5 * gibibyte,
    });
    expect(resolveEngineSettings([wish({ memory: { budget: 500 } })], set).memoryBudget).toBe(500 * 1024 ** 2);
  });

  it('take the GPU from the environment where no client wishes', () => {
    const environment = { TIERCEL_GPU: 'on', TIERCEL_GPU_MEMORY: '512', TIERCEL_GPU_SOFTWARE: '1' };
    const set = { ...machine, environment };
    const named = { mode: 'on', memoryBudget: 512 * 1024 ** 2, allowSoftware: true };
    expect(resolveEngineSettings([], set).gpu).toEqual(named);
    expect(resolveEngineSettings([wish({ gpu: { search: 'off', memoryBudget: 100 } })], set).gpu).toEqual({
      ...named,
      mode: 'off',
      memoryBudget: 100 * 1024 ** 2,
    });
    const odd = { ...machine, environment: { TIERCEL_GPU: 'maybe', TIERCEL_GPU_MEMORY: '-1' } };
    expect(resolveEngineSettings([], odd).gpu).toEqual({ mode: 'auto', memoryBudget: 0, allowSoftware: false });
  });

  it('know this machine', () => {
    const { memory, freeDisk } = thisMachine();
    expect(memory).toBeGreaterThan(64 * 1024 ** 2);
    expect(freeDisk).toBeGreaterThan(0);
  });
});
