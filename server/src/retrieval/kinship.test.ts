import { describe, expect, it } from 'vitest';
import { Kinship } from './kinship.ts';

/** Two tasks, `a` and `b`, in three languages, and a `hub` that is somewhat like everything. */
const nodes = ['py a', 'py b', 'go a', 'go b', 'c a', 'c b', 'c hub'].map(
  (name) => name.split(' ') as [string, string],
);
const languages = nodes.map(([language]) => language);
const at = (name: string): number => nodes.findIndex((node) => node.join(' ') === name);

function matrix(like: (a: string, b: string) => number): Float32Array {
  return Float32Array.from(nodes.flatMap(([, a]) => nodes.map(([, b]) => like(a, b))));
}

const likeness = matrix((a, b) => (a === 'hub' || b === 'hub' ? 0.4 : a === b ? 0.5 : 0));

function scores(by: Record<string, number>): Float32Array {
  return Float32Array.from(nodes, (node) => by[node.join(' ')] ?? 0);
}

describe('kinship', () => {
  it('passes on what an answer is worth to the same in other languages', () => {
    const worth = new Kinship(likeness, languages).spread(scores({ 'py a': 1 }), 4);
    expect(worth[at('py a')]).toBe(1);
    for (const akin of ['go a', 'c a'])
      for (const other of ['py b', 'go b', 'c b', 'c hub'])
        expect(worth[at(akin)], `${akin} before ${other}`).toBeGreaterThan((worth[at(other)] ?? 1) + 0.1);
  });

  it('takes from all likenesses of a candidate what it is like to everything', () => {
    const { hubs } = new Kinship(likeness, languages);
    expect(hubs[at('py a')]).toBeCloseTo(0.6 * 0.5);
    const alone = new Kinship(
      matrix((a, b) => (a === b ? 0.5 : 0)),
      ['py', 'py', 'go', 'go', 'c', 'c', 'c'],
    );
    expect(alone.hubs[at('c hub')]).toBeCloseTo(0);
  });

  it('passes nothing on within a language', () => {
    const one = new Kinship(
      likeness,
      languages.map(() => 'py'),
    );
    const given = scores({ 'py a': 1, 'go a': 0.5 });
    const worth = one.spread(given, 4);
    for (const [index, score] of given.entries()) expect(worth[index]).toBeCloseTo(score);
  });

  it('leaves out what has no kin, but for its likeness to everything', () => {
    const without = nodes.map(([language], node) => (node === at('go a') ? undefined : language));
    const kinship = new Kinship(likeness, without);
    const worth = kinship.spread(scores({ 'py a': 1, 'go a': 0.5 }), 4);
    expect(worth[at('c a')]).toBeGreaterThan((worth[at('go a')] ?? 1) + 0.1);
    expect(kinship.hubs[at('go a')]).toBeCloseTo((0.6 * (0.5 + 0.5 + 0)) / 3);
  });

  it('lets answers that are alike come before a single one that is somewhat better', () => {
    const given = scores({ 'py a': 0.8, 'go a': 0.8, 'c hub': 0.9 });
    const worth = new Kinship(
      matrix((a, b) => (a === b ? 0.5 : 0)),
      languages,
    ).spread(given, 4);
    for (const name of ['py a', 'go a']) expect(worth[at(name)]).toBeGreaterThan(worth[at('c hub')] ?? 1);
  });

  it('gives nothing where nothing is better than the rest', () => {
    const worth = new Kinship(likeness, languages).spread(scores({}), 4);
    expect([...worth]).toEqual(nodes.map(() => 0));
    expect(new Kinship(new Float32Array(0), []).spread(new Float32Array(0), 4)).toHaveLength(0);
  });
});
