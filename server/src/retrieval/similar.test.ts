import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chunkAt, similarCode, type SimilarRanked, type SimilarSource } from './similar.ts';
import { openTestTree, type TestTree } from './test-tree.ts';

const retry = (name: string, names: readonly [string, string, string]): string => {
  const [task, attempts, wait] = names;
  return `export async function ${name}(${task}: () => Promise<void>, ${attempts}: number): Promise<void> {
  for (let turn = 1; turn <= ${attempts}; turn++) {
    try {
      await ${task}();
      return;
    } catch (error) {
      if (turn === ${attempts}) throw error;
      const ${wait} = 100 * 2 ** turn;
      await new Promise((resolve) => setTimeout(resolve, ${wait}));
    }
  }
}
`;
};

const files: Record<string, string> = {
  'src/net/retry.ts': retry('retryTask', ['task', 'attempts', 'delay']),
  'src/jobs/again.ts': `// Tries a job again and again.\n${retry('runJobAgain', ['job', 'tries', 'pause'])}`,
  'src/net/retry.test.ts': `import { retryTask } from './retry';

test('retryTask gives up after as many attempts as it was told', async () => {
  let attempts = 0;
  const task = async () => { attempts++; throw new Error('no'); };
  await expect(retryTask(task, 3)).rejects.toThrow('no');
  expect(attempts).toBe(3);
});
`,
  'src/Mailer.java': `public class Mailer {
  /** Sends a mail and tries again when the server is busy. */
  public void send(Mail mail) throws IOException {
    for (int attempt = 1; attempt <= 3; attempt++) {
      if (server.accept(mail, attempt)) {
        return;
      }
      log.warn("The server is busy", attempt);
      metrics.count("refused", attempt);
      clock.sleep(1000L * attempt);
    }
    metrics.count("failed", 1);
    failed.add(mail);
    for (Listener listener : listeners) {
      listener.onFailure(mail, clock.now());
    }
    throw new IOException("The server is busy");
  }

  public void send(Mail mail, Address address) throws IOException {
    Envelope envelope = new Envelope(mail);
    envelope.setAddress(address);
    envelope.setDate(clock.now());
    queue.push(envelope);
    metrics.count("mails", queue.size());
    log.info("A mail was queued", envelope);
    if (queue.size() > longest) {
      log.warn("The queue is long", queue.size());
      metrics.count("long", queue.size());
      worker.wake();
    }
    for (Listener listener : listeners) {
      listener.onQueued(envelope, clock.now());
    }
  }
}
`,
  'lib/retry.py': `import time


def retry_task(task, attempts):
    """Run a task again until it succeeds, waiting longer each time."""
    for turn in range(attempts):
        try:
            return task()
        except Exception:
            if turn == attempts - 1:
                raise
            time.sleep(0.1 * 2 ** turn)
`,
  'lib/colours.py': `def mix(red, green, blue):
    """Mixes a colour from its parts."""
    return "#%02x%02x%02x" % (red, green, blue)


def lighter(colour, share):
    """Makes a colour lighter."""
    return mix(*(int(part + (255 - part) * share) for part in colour))
`,
};

let directory: string;
let sample: TestTree;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tiercel-tree-'));
  sample = await openTestTree(directory, files);
});
afterAll(async () => {
  await sample.close();
  await rm(directory, { recursive: true, force: true });
});

async function similarTo(path: string, line: number, limit = 10): Promise<SimilarRanked[]> {
  const chunk = await chunkAt(sample.store, sample.deps.tree, { path, startLine: line, endLine: line });
  if (chunk === undefined) throw new Error(`no chunk at ${path}:${String(line)}`);
  const code = (await sample.read(path, chunk.startLine, chunk.endLine)).join('\n');
  const language = path.endsWith('.java') ? 'java' : 'typescript';
  const source: SimilarSource = { ...chunk, language, code, text: code, selected: false };
  return ask(source, limit);
}

async function ask(source: SimilarSource, limit = 10): Promise<SimilarRanked[]> {
  const { signal } = new AbortController();
  return (await similarCode(sample.deps, source, { limit, filter: {} }, sample.read, signal)).hits;
}

describe('similar code', () => {
  it('begins with a clone whatever its names, then the same in another language; tests of it stand last', async () => {
    const hits = await similarTo('src/net/retry.ts', 4);
    expect(hits[0]).toMatchObject({ path: 'src/jobs/again.ts', marks: ['near-clone'], similarity: 1 });
    expect(hits[1]).toMatchObject({ path: 'lib/retry.py', marks: [] });
    expect(hits.map(({ path }) => path)).not.toContain('src/net/retry.ts');
    expect(hits.at(-1)).toMatchObject({ path: 'src/net/retry.test.ts', marks: ['test'] });
  });

  it('keeps a place for tests where the answer is short', async () => {
    const hits = await similarTo('src/net/retry.ts', 4, 4);
    expect(hits).toHaveLength(4);
    expect(hits.at(-1)?.marks).toEqual(['test']);
    expect((await similarTo('src/net/retry.ts', 4, 1))[0]?.path).toBe('src/jobs/again.ts');
  });

  it('marks overloads, and puts them last', async () => {
    const hits = await similarTo('src/Mailer.java', 5);
    expect(hits.at(-1)).toMatchObject({ path: 'src/Mailer.java', symbol: 'Mailer.send', marks: ['overload'] });
  });

  it('does not put tests last when a test is asked about', async () => {
    const hits = await similarTo('src/net/retry.test.ts', 5);
    expect(hits.flatMap(({ marks }) => marks)).not.toContain('test');
  });

  it('finds a selected part within a whole', async () => {
    const code =
      'if (turn === tries) throw error;\nconst pause = 100 * 2 ** turn;\nawait new Promise((resolve) => setTimeout(resolve, pause));';
    const place = { path: 'elsewhere.ts', startLine: 1, endLine: 3 };
    const hits = await ask({
      ...place,
      symbol: '',
      kind: 'block',
      language: 'typescript',
      code,
      text: code,
      selected: true,
    });
    expect(
      hits
        .slice(0, 2)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['src/jobs/again.ts', 'src/net/retry.ts']);
    expect(hits[0]?.marks).toEqual(['near-clone']);
  });

  it('calls what is the same but for comments identical', async () => {
    const code = files['src/jobs/again.ts'] ?? '';
    const place = { path: 'elsewhere.ts', startLine: 1, endLine: 13 };
    const hits = await ask({
      ...place,
      symbol: '',
      kind: 'block',
      language: 'typescript',
      code,
      text: code,
      selected: true,
    });
    expect(hits[0]).toMatchObject({ path: 'src/jobs/again.ts', marks: ['identical'] });
  });
});
