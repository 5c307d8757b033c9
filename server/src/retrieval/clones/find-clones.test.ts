import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClonesResult } from '../../../../protocol/clones.ts';
import { tokensOf } from '../code-tokens.ts';
import { openTestTree, type TestTree } from '../test-tree.ts';
import { gramsOf, similarity } from '../token-grams.ts';
import { findClones, type CloneQuery } from './find-clones.ts';

/** Numbers that are the same in every run (SplitMix32). */
function seeded(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % below;
  };
}

type Random = (below: number) => number;

/** A random expression over ten names: code that is alike only where it was copied. */
function expression(random: Random, prefix: string, depth: number): string {
  const name = (): string => `${prefix}${'abcdefghij'[random(10)] ?? ''}`;
  const inner = (): string => expression(random, prefix, depth - 1);
  if (depth === 0) return random(3) === 0 ? String(random(90)) : name();
  const forms = [
    () => `${name()}(${inner()}, ${inner()})`,
    () => `${inner()} ${['+', '-', '*', '/', '%', '&', '|', '<', '>'][random(9)] ?? ''} ${inner()}`,
    () => `${name()}.${name()}[${inner()}]`,
    () => `[${inner()}, ${name()}, ...${inner()}]`,
    () => `(${inner()} ? ${name()} : ${inner()})`,
    () => `{ ${name()}: ${inner()} }.${name()}`,
    () => `!${name()}.${name()}(${inner()})`,
    () => `((${name()}) => ${inner()})`,
  ];
  return forms[random(forms.length)]?.() ?? '';
}

function statement(random: Random, prefix: string): string {
  const value = (): string => expression(random, prefix, 1 + random(2));
  const forms = [
    () => `const ${prefix}a = ${value()};`,
    () => `if (${value()}) return ${value()};`,
    () => `for (const ${prefix}b of ${value()}) ${value()};`,
    () => `while (${value()}) ${prefix}c = ${value()};`,
    () => `try { ${value()}; } catch { ${value()}; }`,
    () => `${prefix}d[${value()}] = ${value()};`,
  ];
  return forms[random(forms.length)]?.() ?? '';
}

const body = (random: Random, prefix: string): string[] => Array.from({ length: 9 }, () => statement(random, prefix));

const wrapped = (name: string, lines: readonly string[]): string =>
  [`export function ${name}(list, limit) {`, ...lines.map((line) => `  ${line}`), '}', ''].join('\n');

const random = seeded(3);
const originals = Array.from({ length: 12 }, () => body(random, 'v'));
/** Every original is copied into another folder: as it is, with other names and comments, or with lines changed. */
const copies = originals.map((lines, at) => {
  if (at % 3 === 0) return lines.flatMap((line, n) => (n % 2 === 0 ? [`// step ${String(n)}`, line] : [line]));
  if (at % 3 === 1) return ['/* renamed */', ...lines.map((line) => line.replaceAll(/\bv([a-j])\b/gu, 'other_$1'))];
  return lines.map((line, n) => (n === 4 ? `${line} audit(limit);` : line));
});
const kinds = ['identical', 'renamed', 'near'];

const files: Record<string, string> = {};
originals.forEach((lines, at) => {
  files[`src/first/part${String(at)}.ts`] = wrapped(`handle${String(at)}`, lines);
  files[`src/second/piece${String(at)}.ts`] = wrapped(
    at % 3 === 0 ? `handle${String(at)}` : `process${String(at)}`,
    copies[at] ?? [],
  );
});
for (let at = 0; at < 300; at++) {
  files[`src/noise/n${String(at)}.ts`] = wrapped(`noise${String(at)}`, body(random, 'w'));
}
files['vendor/copy.ts'] = files['src/first/part0.ts'] ?? '';
files['src/gen/thing.pb.ts'] = files['src/first/part0.ts'] ?? '';
files['docs/part.md'] = `# Part\n\n${files['src/first/part0.ts'] ?? ''}`;

let directory: string;
let sample: TestTree;
const query: CloneQuery = { minLines: 6, similarity: 0.8, limit: 100 };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tiercel-tree-'));
  sample = await openTestTree(directory, files);
});
afterAll(async () => {
  await sample.close();
  await rm(directory, { recursive: true, force: true });
});

function clones(changes: Partial<CloneQuery> = {}, signal = new AbortController().signal): Promise<ClonesResult> {
  const source = { store: sample.store, tree: sample.deps.tree, read: sample.read };
  return findClones(source, { ...query, ...changes }, signal);
}

describe('clone groups', () => {
  it('are exactly the planted ones, with their kind', async () => {
    const { groups, found, compared } = await clones();
    const places = groups.map((group) => group.places.map(({ path }) => path)).sort();
    const planted = originals.map((_, at) => [`src/first/part${String(at)}.ts`, `src/second/piece${String(at)}.ts`]);
    expect(places).toEqual(planted.sort());
    for (const { kind, places: members, similarity } of groups) {
      const at = Number(/\d+/u.exec(members[0]?.path ?? '')?.[0]);
      expect({ at, kind }).toEqual({ at, kind: kinds[at % 3] });
      expect(similarity).toBeGreaterThanOrEqual(0.8);
      if (at % 3 === 1) expect(similarity).toBe(1);
    }
    expect(found.groups).toBe(12);
    expect(found.repeatedLines).toBe(groups.reduce((sum, { places: [, second] }) => sum + lines(second), 0));
    expect(compared.chunks).toBe(324);
  });

  it('hold every pair that is alike when all pairs are compared, and no other', async () => {
    const sets = [...sample.files]
      .filter(([path]) => path.startsWith('src/') && !path.includes('/gen/'))
      .map(([path, text]) => ({ path, grams: gramsOf(tokensOf(text, 'typescript'), 'renamed') }));
    for (const least of [0.6, 0.8, 1]) {
      const alike = sets.flatMap((a, at) =>
        sets.slice(at + 1).flatMap((b) => (similarity(a.grams, b.grams) >= least ? [`${a.path} ${b.path}`] : [])),
      );
      const { groups } = await clones({ similarity: least });
      expect(groups.map(({ places }) => places.map(({ path }) => path).join(' ')).sort()).toEqual(alike.sort());
    }
  });

  it('have a least length, a language, and a largest number', async () => {
    expect((await clones({ minLines: 500 })).groups).toEqual([]);
    expect((await clones({ languages: ['python'] })).compared).toEqual({ files: 0, chunks: 0 });
    const { groups, found } = await clones({ limit: 2 });
    expect(groups).toHaveLength(2);
    expect(found.groups).toBe(12);
  });

  it('can be cancelled, and tell how far they are', async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(clones({}, controller.signal)).rejects.toMatchObject({ code: 'Cancelled' });
    const shares: number[] = [];
    const source = { store: sample.store, tree: sample.deps.tree, read: sample.read };
    await findClones(source, query, new AbortController().signal, (share) => shares.push(share));
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  });
});

function lines(place: { startLine: number; endLine: number } | undefined): number {
  return place === undefined ? 0 : place.endLine - place.startLine + 1;
}
