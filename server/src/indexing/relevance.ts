/** Which files of many are indexed and embedded first. */
import { isProse, languageOf } from '../workspace/languages.ts';
import { urgencies, type Urgency } from './queue.ts';

export interface Stamped {
  path: string;
  mtimeMs: number;
}

/** So many of the files that were changed last count as recent. */
const recentFiles = 200;

const testPath =
  /(?:^|\/)(?:tests?|specs?|__tests__|__mocks__|testdata|fixtures|e2e|benches|examples)\/|[._-](?:test|spec)s?\.[^/.]+$|(?:^|\/)test_[^/]+$|Tests?\.[^/.]+$/;

/** Tests, fixtures and examples, as far as names tell. */
export function isTest(path: string): boolean {
  return testPath.test(path);
}

/**
 * @param open paths of open editors
 * @returns for each path: open editors, then the latest changes, then sources, tests, prose and data
 */
export function urgencyOf(files: readonly Stamped[], open: ReadonlySet<string>): Map<string, Urgency> {
  const latest = [...files].sort((a, b) => b.mtimeMs - a.mtimeMs).slice(0, recentFiles);
  const recent = new Set(latest.map(({ path }) => path));
  return new Map(files.map(({ path }) => [path, open.has(path) ? 'open' : recent.has(path) ? 'recent' : byKind(path)]));
}

/** Most relevant first, otherwise in the order given. */
export function byRelevance(files: readonly Stamped[], open: ReadonlySet<string>): string[] {
  const urgency = urgencyOf(files, open);
  const rank = (path: string): number => urgencies.indexOf(urgency.get(path) ?? 'prose');
  return files.map(({ path }) => path).sort((a, b) => rank(a) - rank(b));
}

function byKind(path: string): Urgency {
  if (isTest(path)) return 'test';
  const language = languageOf(path);
  return isProse(language) || language === 'json' ? 'prose' : 'source';
}
