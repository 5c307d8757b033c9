import { describe, expect, it } from 'vitest';
import { RecentChanges, recencyOf } from './recency.ts';

describe('recent changes', () => {
  it('puts the file that was changed last first, each once', () => {
    const changes = new RecentChanges();
    changes.note(['a.ts']);
    changes.note(['b.ts', 'c.ts']);
    changes.note(['a.ts']);
    expect(changes.paths).toEqual(['a.ts', 'b.ts', 'c.ts']);
    expect(recencyOf('a.ts', changes.paths)).toBe(1);
    expect(recencyOf('b.ts', changes.paths)).toBeLessThan(1);
    expect(recencyOf('c.ts', changes.paths)).toBeLessThan(recencyOf('b.ts', changes.paths));
    expect(recencyOf('d.ts', changes.paths)).toBe(0);
  });

  it('keeps sixteen', () => {
    const changes = new RecentChanges();
    for (let number = 0; number < 20; number++) changes.note([`${String(number)}.ts`]);
    expect(changes.paths).toHaveLength(16);
    expect(changes.paths[0]).toBe('19.ts');
    expect(recencyOf('4.ts', changes.paths)).toBeGreaterThan(0);
    expect(recencyOf('3.ts', changes.paths)).toBe(0);
  });

  it('takes many changes at once for no work of a person', () => {
    const changes = new RecentChanges();
    changes.note(['a.ts']);
    changes.note(Array.from({ length: 9 }, (_, number) => `${String(number)}.ts`));
    expect(changes.paths).toEqual(['a.ts']);
  });
});
