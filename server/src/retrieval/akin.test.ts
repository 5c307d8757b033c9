import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { searchCode, type Answer } from './search.ts';
import { openTestTree, type TestTree } from './test-tree.ts';

const python =
  'def word_frequencies(lines):\n    # how often each word occurs in the lines of a text\n    times = {}\n    for line in lines:\n        for word in line.strip().split(" "):\n            times[word] = times.get(word, 0) + 1\n    return times\n';
/** The same without a word that says so, and another one of the same kind. */
const go = {
  same: 'func fn(a []string) map[string]int {\n\tb := map[string]int{}\n\tfor _, c := range a {\n\t\tfor _, d := range strings.Split(strings.TrimSpace(c), " ") {\n\t\t\tb[d] = b[d] + 1\n\t\t}\n\t}\n\treturn b\n}\n',
  other:
    'func fn(a []string) map[string]int {\n\tb := map[string]int{}\n\tfor c, d := range a {\n\t\tif c%2 == 0 && d != "" {\n\t\t\tb[d] = len(d) - c\n\t\t}\n\t}\n\treturn b\n}\n',
};
const fillers = (ending: string, code: (at: number) => string): Record<string, string> =>
  Object.fromEntries(Array.from({ length: 14 }, (_, at) => [`${ending}${String(at)}/x.${ending}`, code(at)]));
const heap = {
  'a/x.py': python,
  'b/x.go': go.same,
  'c/x.go': go.other,
  ...fillers(
    'go',
    (at) => `func fn(a int) int {\n\tif a > ${String(at)} {\n\t\treturn a - ${String(at)}\n\t}\n\treturn a * a\n}\n`,
  ),
  ...fillers(
    'py',
    (at) => `def fn(a):\n    while a > ${String(at)}:\n        a = a - ${String(at + 1)}\n    return a\n`,
  ),
};
const question = 'How often each word occurs in the lines of a text';

let directory: string;
const open: TestTree[] = [];

async function treeOf(name: string, files: Readonly<Record<string, string>>): Promise<TestTree> {
  const tree = await openTestTree(join(directory, name), files);
  open.push(tree);
  return tree;
}

function ask({ deps, read }: TestTree, countingReads?: () => void): Promise<Answer> {
  const reading: TestTree['read'] = (...range) => {
    countingReads?.();
    return read(...range);
  };
  return searchCode(deps, question, { limit: 40, filter: {}, explain: true }, reading, new AbortController().signal);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tiercel-akin-'));
});
afterAll(async () => {
  for (const tree of open) await tree.close();
  await rm(directory, { recursive: true, force: true });
});

describe('functions that stand alone in several languages', () => {
  it('answer where they are like the best answer in another language', async () => {
    const { hits } = await ask(await treeOf('heap', heap));
    expect(hits[0]?.path).toBe('a/x.py');
    expect(hits[1]?.path).toBe('b/x.go');
    const akin = ({ why = [] }: (typeof hits)[number]): number =>
      why.find(({ signal }) => signal === 'akin')?.value ?? 0;
    const [first, second, ...others] = hits.map(akin);
    expect(first).toBe(1);
    expect(second).toBeGreaterThan(Math.max(...others) + 0.01);
  });

  it('are not read where there is one language of code, nor are repositories', async () => {
    let reads = 0;
    const count = (): void => {
      reads += 1;
    };
    const own = Object.entries(heap).filter(([path]) => path.endsWith('.py'));
    await ask(await treeOf('python', Object.fromEntries(own)), count);
    const beside = Object.entries<string>(heap).map(([path, code]) => [path.replace(/\.go$/, '.md'), code] as const);
    await ask(await treeOf('documented', Object.fromEntries<string>(beside)), count);
    const together = Object.values(heap).reduce((all, code) => `${all}\n${code}`, '');
    await ask(await treeOf('repository', { 'all.py': together, 'all.go': together }), count);
    expect(reads).toBe(0);
  });
});
