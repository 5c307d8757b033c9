/** Code as tokens, so that pieces of it can be compared: white space and comments are left out. */

export const tokenKinds = { mark: 0, word: 1, name: 2, literal: 3 } as const;
export type TokenKind = (typeof tokenKinds)[keyof typeof tokenKinds];

export interface CodeToken {
  text: string;
  /** `word`: reserved in some language; `name`: any other identifier; `literal`: a number or a string. */
  kind: TokenKind;
}

type CommentStyle = 'slash' | 'hash' | 'slashOrHash' | 'dash' | 'semicolon' | 'percent' | 'markup';

const comments: Readonly<Record<CommentStyle, string>> = {
  slash: String.raw`\/\/[^\n]*|\/\*[^]*?\*\/`,
  hash: String.raw`#[^\n]*|^[ \t]*(?:"""[^]*?"""|'''[^]*?''')`,
  slashOrHash: String.raw`\/\/[^\n]*|#(?!\[)[^\n]*|\/\*[^]*?\*\/`,
  dash: String.raw`--\[\[[^]*?\]\]|\{-[^]*?-\}|--[^\n]*`,
  semicolon: String.raw`;[^\n]*`,
  percent: String.raw`%[^\n]*`,
  markup: String.raw`<!--[^]*?-->`,
};

const styles: Readonly<Record<string, CommentStyle>> = {
  ...of(
    'hash',
    'python ruby bash elixir r perl yaml toml dockerfile makefile cmake nim julia powershell bazel just ini',
  ),
  ...of('slashOrHash', 'php hcl terraform'),
  ...of('dash', 'haskell lua sql elm ada vhdl purescript'),
  ...of('semicolon', 'clojure lisp scheme racket asm'),
  ...of('percent', 'erlang latex matlab prolog'),
  ...of('markup', 'html xml markdown'),
};

/** Languages with a lone quote in front of names, or behind them. */
const charactersOnly = new Set(['rust', 'haskell', 'ocaml', 'clojure', 'lisp', 'scheme', 'racket', 'elm', 'fsharp']);

function of(style: CommentStyle, languages: string): Record<string, CommentStyle> {
  return Object.fromEntries(languages.split(' ').map((language) => [language, style]));
}

/** Words that are reserved in at least one common language: renaming code leaves them as they are. */
const reserved = new Set(
  (
    'abstract and as assert async await auto begin bool boolean break byte case catch char class const constexpr ' +
    'continue data debugger def default defer defmodule defp del delete do double elif else elseif elsif end endif ' +
    'ensure enum except explicit export extends extern false final finally float fn for foreach fallthrough from func ' +
    'function given global go goto guard if impl implements import in include inline instanceof int interface ' +
    'internal is lambda let local long loop match mod module move mut mutable namespace native new next nil none ' +
    'nonlocal not null nullptr object of open operator or out override package pass private protected pub public ' +
    'raise range ref rescue return select self short signed sizeof static string struct super switch synchronized ' +
    'template then this throw throws trait transient true try type typedef typeof undefined union unless unsafe ' +
    'unsigned until use using val var virtual void volatile when where while with yield ' +
    'None True False String'
  ).split(' '),
);

const patterns = new Map<string, RegExp>();

function patternOf(language: string): RegExp {
  const style = styles[language] ?? 'slash';
  const lone = charactersOnly.has(language);
  const key = `${style} ${String(lone)}`;
  let pattern = patterns.get(key);
  if (pattern === undefined) {
    const quoted = lone ? String.raw`'(?:\\[^'\n]+|[^'\\\n])'` : String.raw`'(?:\\.|[^'\\\n])*'`;
    const string = String.raw`"""[^]*?"""|'''[^]*?'''|"(?:\\[^]|[^"\\\n])*"|${quoted}|\x60(?:\\[^]|[^\x60\\])*\x60`;
    const number = String.raw`\d[\p{N}\p{L}_]*(?:\.\d[\p{N}\p{L}_]*)?`;
    const name = String.raw`[\p{L}_$@][\p{L}\p{N}_$]*[?!]?`;
    pattern = new RegExp(
      `(?<comment>${comments[style]})|(?<literal>${string}|${number})|(?<name>${name})|(?<mark>\\S)`,
      'gmu',
    );
    patterns.set(key, pattern);
  }
  return pattern;
}

/** @param language id; of a language that is not known, comments are those of C. */
export function tokensOf(code: string, language: string): CodeToken[] {
  const tokens: CodeToken[] = [];
  for (const { 0: text, groups = {} } of code.matchAll(patternOf(language))) {
    if (groups['comment'] !== undefined) continue;
    tokens.push({ text, kind: kindOf(text, groups) });
  }
  return tokens;
}

function kindOf(text: string, groups: Record<string, string | undefined>): TokenKind {
  if (groups['literal'] !== undefined) return tokenKinds.literal;
  if (groups['name'] === undefined) return tokenKinds.mark;
  return reserved.has(text) ? tokenKinds.word : tokenKinds.name;
}
