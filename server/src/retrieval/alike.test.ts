import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { searchCode, type Answer } from './search.ts';
import { openTestTree, type TestTree } from './test-tree.ts';

/** The same four tasks in three languages, names left out; `e` is like `a` in words and does something else. */
const tasks: Record<string, Record<string, string>> = {
  py: {
    a: 'def fn(xs):\n    out = []\n    for x in xs:\n        if x % 2 == 0:\n            out.append(x * x)\n    return sorted(out)\n',
    b: 'def fn(s):\n    n = len(s)\n    for i in range(n // 2):\n        if s[i].lower() != s[n - 1 - i].lower():\n            return False\n    return True\n',
    c: 'def fn(n):\n    a, b = 0, 1\n    while a < n:\n        a, b = b, a + b\n    return a\n',
    d: 'def fn(lines):\n    seen = {}\n    for line in lines:\n        for word in line.strip().split(" "):\n            seen[word] = seen.get(word, 0) + 1\n    return max(seen.values())\n',
  },
  java: {
    a: 'class S {\n  List<Integer> fn(List<Integer> numbers) {\n    List<Integer> result = new ArrayList<>();\n    for (int number : numbers) {\n      if (number % 2 == 0) {\n        result.add(number * number);\n      }\n    }\n    Collections.sort(result);\n    return result;\n  }\n}\n',
    b: 'class S {\n  boolean fn(String text) {\n    int size = text.length();\n    for (int at = 0; at < size / 2; at++) {\n      if (Character.toLowerCase(text.charAt(at)) != Character.toLowerCase(text.charAt(size - 1 - at))) {\n        return false;\n      }\n    }\n    return true;\n  }\n}\n',
    c: 'class S {\n  int fn(int limit) {\n    int first = 0, second = 1;\n    while (first < limit) {\n      int next = first + second;\n      first = second;\n      second = next;\n    }\n    return first;\n  }\n}\n',
    d: 'class S {\n  int fn(List<String> rows) {\n    Map<String, Integer> times = new HashMap<>();\n    for (String row : rows) {\n      for (String part : row.trim().split(" ")) {\n        times.put(part, times.getOrDefault(part, 0) + 1);\n      }\n    }\n    return Collections.max(times.values());\n  }\n}\n',
    e: 'class S {\n  void fn(List<Integer> xs, Sink sink) {\n    sink.open(xs);\n    sink.flush(xs);\n    sink.close();\n  }\n}\n',
  },
  go: {
    a: 'package p\n\nfunc fn(values []int) []int {\n\tvar result []int\n\tfor _, v := range values {\n\t\tif v%2 == 0 {\n\t\t\tresult = append(result, v*v)\n\t\t}\n\t}\n\tsort.Ints(result)\n\treturn result\n}\n',
    b: 'package p\n\nfunc fn(text string) bool {\n\tlow := strings.ToLower(text)\n\tfor i := 0; i < len(low)/2; i++ {\n\t\tif low[i] != low[len(low)-1-i] {\n\t\t\treturn false\n\t\t}\n\t}\n\treturn true\n}\n',
    c: 'package p\n\nfunc fn(top int) int {\n\tp, q := 0, 1\n\tfor p < top {\n\t\tp, q = q, p+q\n\t}\n\treturn p\n}\n',
    d: 'package p\n\nfunc fn(rows []string) int {\n\ttimes := map[string]int{}\n\tbest := 0\n\tfor _, row := range rows {\n\t\tfor _, part := range strings.Split(strings.TrimSpace(row), " ") {\n\t\t\ttimes[part]++\n\t\t\tbest = max(best, times[part])\n\t\t}\n\t}\n\treturn best\n}\n',
    e: 'package p\n\nfunc fn(xs []int, sink Sink) {\n\tsink.open(xs)\n\tsink.flush(xs)\n\tsink.close()\n}\n',
  },
};

const { signal } = new AbortController();
let directory: string;
let tree: TestTree;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tiercel-alike-'));
  const files = Object.entries(tasks).flatMap(([ending, codes]) =>
    Object.entries(codes).map(([name, code]) => [`${ending}/${name}.${ending}`, code] as const),
  );
  tree = await openTestTree(directory, Object.fromEntries(files));
});

afterAll(async () => {
  await tree.close();
  await rm(directory, { recursive: true, force: true });
});

function inLanguages(
  code: string,
  languages: string[],
  more: { ranker?: 'off'; explain?: boolean } = {},
): Promise<Answer> {
  return searchCode(tree.deps, code, { limit: 20, filter: { languages }, ...more }, tree.read, signal);
}

describe('code that is asked for', () => {
  it.each(['a', 'b', 'c', 'd'])('is found in other languages: task %s', async (task) => {
    const code = tasks['py']?.[task] ?? '';
    expect((await inLanguages(code, ['go'])).hits[0]?.path).toBe(`go/${task}.go`);
    expect((await inLanguages(code, ['java'])).hits[0]?.path).toBe(`java/${task}.java`);
  });

  it('says what reading it adds, and does not read where only the lanes count', async () => {
    const code = tasks['py']?.['a'] ?? '';
    const explained = await inLanguages(code, ['java', 'go'], { explain: true });
    expect(explained.hits[0]?.why?.map(({ signal: name }) => name)).toContain('alike');
    const bare = await inLanguages(code, ['java', 'go'], { ranker: 'off', explain: true });
    expect(bare.hits.flatMap(({ why = [] }) => why.map(({ signal: name }) => name))).not.toContain('alike');
  });

  it('is answered by what is like its best answer in another language', async () => {
    const asked =
      'def fn(xs):\n    for x in xs:\n        if x % 2 == 0:\n            out.append(x * x)\n    return sorted(out)\n';
    const same =
      'function fn(xs) {\n  for (const x of xs) {\n    if (x % 2 == 0) {\n      out.push(x * x);\n    }\n  }\n  return out.sort();\n';
    const calls = (...names: string[]): string => names.map((name) => `  ${name}(handle)\n`).join('');
    const numbered = (ending: string, code: (body: string) => string): [string, string][] =>
      Array.from({ length: 12 }, (_, at) => [`f${String(at)}.${ending}`, code(calls(`work${String(at)}`))]);
    const python = (body: string): string => `def fn(handle):\n${body}`;
    const heap = await openTestTree(join(directory, 'heap'), {
      'answer.ts': `${same}${calls('acquire', 'rewind', 'publish')}}\n`,
      'akin.py': python(calls('acquire', 'rewind', 'publish')),
      'other.py': python(calls('dispatch', 'inspect', 'collapse')),
      ...Object.fromEntries(numbered('py', python)),
      ...Object.fromEntries(numbered('ts', (body) => `function fn(handle) {\n${body}}\n`)),
    });
    try {
      const { hits } = await searchCode(heap.deps, asked, { limit: 40, filter: {}, explain: true }, heap.read, signal);
      const akin = (path: string): number =>
        hits.find((hit) => hit.path === path)?.why?.find((one) => one.signal === 'akin')?.value ?? 0;
      expect(hits[0]?.path).toBe('answer.ts');
      expect(akin('answer.ts')).toBe(1);
      // Neither has a call in common with what is asked for.
      expect(akin('akin.py')).toBeGreaterThan(akin('other.py') + 0.1);
    } finally {
      await heap.close();
    }
  });

  it('is found where no candidate can be read', async () => {
    const filter = { languages: ['go'] };
    const gone = () => Promise.resolve([]);
    const { hits } = await searchCode(tree.deps, tasks['py']?.['a'] ?? '', { limit: 3, filter }, gone, signal);
    expect(hits).toHaveLength(3);
    expect(hits.every(({ score }) => Number.isFinite(score))).toBe(true);
  });

  it('can be cancelled while candidates are read', async () => {
    const controller = new AbortController();
    const reading: TestTree['read'] = (...range) => {
      controller.abort();
      return tree.read(...range);
    };
    const query = tasks['py']?.['a'] ?? '';
    const asked = searchCode(tree.deps, query, { limit: 3, filter: {} }, reading, controller.signal);
    await expect(asked).rejects.toMatchObject({ code: 'Cancelled' });
  });
});
