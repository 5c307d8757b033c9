/** Loading of grammars and their chunk queries: lazily, once per process, never throwing for one that is missing. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { constants } from 'node:os';
import type Parser from 'tree-sitter';
import { messageOf } from '../../../protocol/errors.ts';
import { packageRoot } from '../settings/paths.ts';

interface GrammarSource {
  /** File under `dist/grammars` without `.node`. */
  file: string;
  /** The member of the addon that holds the grammar, where one addon has several. */
  member?: string;
  /** Text or data rather than code: what stands outside of definitions is a section, not a run of statements. */
  document?: true;
}

/** Grammar of each language id; `tsx` is picked by path. */
const sources: Readonly<Record<string, GrammarSource>> = {
  javascript: { file: 'javascript' },
  typescript: { file: 'typescript', member: 'typescript' },
  tsx: { file: 'typescript', member: 'tsx' },
  python: { file: 'python' },
  go: { file: 'go' },
  rust: { file: 'rust' },
  java: { file: 'java' },
  c: { file: 'c' },
  cpp: { file: 'cpp' },
  csharp: { file: 'c-sharp' },
  ruby: { file: 'ruby' },
  php: { file: 'php', member: 'php' },
  bash: { file: 'bash' },
  kotlin: { file: 'kotlin' },
  scala: { file: 'scala' },
  swift: { file: 'swift' },
  lua: { file: 'lua' },
  haskell: { file: 'haskell' },
  elixir: { file: 'elixir' },
  zig: { file: 'zig' },
  markdown: { file: 'markdown', document: true },
  json: { file: 'json', document: true },
  yaml: { file: 'yaml', document: true },
  toml: { file: 'toml', document: true },
  html: { file: 'html', document: true },
  css: { file: 'css', document: true },
  sql: { file: 'sql' },
};

export interface Grammar {
  parser: Parser;
  query: Parser.Query;
  document: boolean;
}

/** A grammar that should be there and is not: `reason` is for a person. */
export interface MissingGrammar {
  reason: string;
}

const loaded = new Map<string, Grammar | MissingGrammar>();

/** Languages with a grammar and a folder under `syntaxes/`. */
export function parsedLanguages(): string[] {
  return Object.keys(sources).filter((name) => name !== 'tsx');
}

/**
 * The grammar for a file.
 *
 * @returns undefined when the language has none, {@link MissingGrammar} when it should have one that cannot be loaded.
 */
export function grammarFor(language: string, path: string): Grammar | MissingGrammar | undefined {
  const name = language === 'typescript' && /\.[jt]sx$/iu.test(path) ? 'tsx' : language;
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
  if (source === undefined) return undefined;
  let grammar = loaded.get(name);
  if (grammar === undefined) {
    grammar = load(language, source);
    loaded.set(name, grammar);
  }
  return grammar;
}

function load(language: string, source: GrammarSource): Grammar | MissingGrammar {
  try {
    const root = packageRoot();
    const fromPackage: (name: 'tree-sitter') => typeof Parser = createRequire(join(root, 'package.json'));
    const ParserClass = fromPackage('tree-sitter');
    const grammar = openAddon(join(root, 'dist', 'grammars', `${source.file}.node`), source.member);
    const parser = new ParserClass();
    parser.setLanguage(grammar);
    const rules = readRules(join(root, 'syntaxes'), language);
    return { parser, query: new ParserClass.Query(grammar, rules), document: source.document === true };
  } catch (error) {
    return { reason: `the grammar for ${language} cannot be loaded: ${messageOf(error)}` };
  }
}

/** The query of a language, behind the one it names in a first line `; inherits: NAME` (the convention of nvim-treesitter). */
function readRules(folder: string, language: string): string {
  const own = readFileSync(join(folder, language, 'chunks.scm'), 'utf8');
  const inherited = /^; inherits: (?<name>\w+)\n/u.exec(own)?.groups?.['name'];
  return inherited === undefined ? own : `${readRules(folder, inherited)}\n${own}`;
}

function openAddon(file: string, member: string | undefined): Parser.Language {
  const addon: { exports: Record<string, unknown> } = { exports: {} };
  process.dlopen(addon, file, constants.dlopen.RTLD_NOW);
  const language = member === undefined ? addon.exports : addon.exports[member];
  if (!isLanguage(language)) throw new Error(`${file} exports no grammar${member === undefined ? '' : ` ${member}`}`);
  return language;
}

function isLanguage(value: unknown): value is Parser.Language {
  return typeof value === 'object' && value !== null && 'language' in value;
}
