/** What stands in a query besides words: `lang:`, `path:`, `kind:`, their opposites, and "phrases". */
import { TiercelError, errorCodes } from '../../../protocol/errors.ts';
import { chunkKinds } from '../chunking/types.ts';
import type { Filter } from '../store/types.ts';

export interface ParsedQuery {
  /** What is left to look for; the phrases' words are in it. */
  text: string;
  /** Texts in quotes. */
  phrases: string[];
  languages: string[];
  paths: string[];
  excluded: string[];
  /** Kinds of chunks; none means all. */
  kinds: string[];
  excludedKinds: string[];
}

/** Names people use for languages whose id is another. */
const aliases: Readonly<Record<string, string>> = {
  'c#': 'csharp',
  'c++': 'cpp',
  cc: 'cpp',
  cs: 'csharp',
  ex: 'elixir',
  golang: 'go',
  hs: 'haskell',
  js: 'javascript',
  jsx: 'javascript',
  kt: 'kotlin',
  md: 'markdown',
  py: 'python',
  rb: 'ruby',
  rs: 'rust',
  sh: 'bash',
  shell: 'bash',
  ts: 'typescript',
  tsx: 'typescript',
  yml: 'yaml',
};

const filterWord = /^(?<not>-?)(?<name>lang|language|path|kind):(?<value>\S+)$/u;
/** A phrase is in double quotes and holds at least two characters; an apostrophe or a lone quote is text. */
const phrase = /(?<=^|\s)"(?<text>[^"\n]{2,})"(?=$|[\s,.;:!?])/gu;
/** Beyond this a query is code or a log, and what looks like a filter in it is none. */
const longestFiltered = 500;

/** @throws TiercelError `FixTheCall` for a kind there is not. */
export function parseQuery(query: string): ParsedQuery {
  const parsed: ParsedQuery = {
    text: query,
    phrases: [],
    languages: [],
    paths: [],
    excluded: [],
    kinds: [],
    excludedKinds: [],
  };
  if (query.length > longestFiltered || query.includes('\n')) return parsed;
  parsed.phrases = Array.from(query.matchAll(phrase), ({ groups }) => groups?.['text'] ?? '');
  const words = query.replaceAll(phrase, ' $<text> ').split(/\s+/u);
  parsed.text = words.filter((word) => !takeFilter(word, parsed)).join(' ');
  return parsed;
}

/** @returns whether the word was a filter. */
function takeFilter(word: string, parsed: ParsedQuery): boolean {
  const { not = '', name = '', value = '' } = filterWord.exec(word)?.groups ?? {};
  if (name === '') return false;
  if (name === 'path') {
    (not === '' ? parsed.paths : parsed.excluded).push(globOf(value));
  } else if (name === 'kind') {
    (not === '' ? parsed.kinds : parsed.excludedKinds).push(kindOf(value));
  } else if (not === '') {
    parsed.languages.push(aliases[value.toLowerCase()] ?? value.toLowerCase());
  } else {
    return false;
  }
  return true;
}

/** A path is a glob, or a piece of the path: a folder's name, or the beginning of one. */
function globOf(value: string): string {
  if (/[*?[{]/u.test(value)) return value;
  const bare = value.replace(/^\.?\//u, '').replace(/\/$/u, '');
  return `{${bare},${bare}/**,**/${bare},**/${bare}/**}`;
}

function kindOf(value: string): string {
  const kind = chunkKinds.find((known) => known === value.toLowerCase());
  if (kind !== undefined) return kind;
  throw new TiercelError(
    errorCodes.fixTheCall,
    `There is no kind "${value}". Kinds are: ${chunkKinds.join(', ')}. To search for the text itself put it in quotes.`,
  );
}

/** The filter of the call, narrowed by that of the query. */
export function narrowed(filter: Filter, parsed: ParsedQuery): Filter {
  const languages = both(filter.languages, parsed.languages);
  return {
    ...filter,
    ...(languages === undefined ? {} : { languages }),
    // Of several path filters one must match; those of the call and those of the query are not both asked for in practice.
    ...(parsed.paths.length === 0 ? {} : { paths: [...(filter.paths ?? []), ...parsed.paths] }),
    ...(parsed.excluded.length === 0 ? {} : { excluded: [...(filter.excluded ?? []), ...parsed.excluded] }),
  };
}

/** What is in both lists; an empty or absent list means all. */
function both(a: string[] | undefined, b: string[]): string[] | undefined {
  if (b.length === 0) return a;
  if (a === undefined || a.length === 0) return b;
  const shared = a.filter((language) => b.includes(language));
  // Nothing is in both: a language that no file has lets nothing pass.
  return shared.length === 0 ? ['none'] : shared;
}
