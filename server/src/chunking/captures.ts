/** Reading the captures of a chunk query. What each capture means stands in docs/languages.md. */
import type Parser from 'tree-sitter';
import type { Grammar } from './grammars.ts';
import type { SourceLines } from './source-lines.ts';
import type { ChunkKind } from './types.ts';

const maxNameCharacters = 100;

const kinds: Readonly<Record<string, ChunkKind>> = {
  'definition.function': 'function',
  'definition.method': 'method',
  'definition.class': 'class',
  'definition.type': 'type',
  'definition.module': 'module',
  'definition.constant': 'constant',
  'definition.test': 'test',
  'definition.section': 'section',
};

export interface Span {
  start: number;
  end: number;
  firstRow: number;
  lastRow: number;
}

export interface RawDefinition extends Span {
  kind: ChunkKind;
  pattern: number;
  names: string[];
  scopes: string[];
  /** Offset where the body starts, or -1. */
  body: number;
  /** Offset where the signature ends when it is captured as such, or -1. */
  signatureEnd: number;
  /** Reaches to the next definition or the end of the one around it. */
  open: boolean;
  /** Follows definitions of the same name as another clause of them. */
  clause: boolean;
  docs: string[];
}

/** What the captures of a file say, before nesting. */
export interface Captured {
  definitions: RawDefinition[];
  wrappers: Span[];
  /** Docstrings and doc attributes. */
  docs: Span[];
  comments: Span[];
  /** Rows that hold nothing but comments or attributes. */
  aside: Set<number>;
}

interface PropertiedMatch extends Parser.QueryMatch {
  setProperties?: Record<string, string | null>;
}

function spanOf(node: Parser.SyntaxNode): Span {
  const { row: firstRow } = node.startPosition;
  const end = node.endPosition;
  const lastRow = end.column === 0 && end.row > firstRow ? end.row - 1 : end.row;
  return { start: node.startIndex, end: node.endIndex, firstRow, lastRow };
}

/** All captures of a file, one definition per node. */
export function capture(grammar: Grammar, tree: Parser.Tree, lines: SourceLines): Captured {
  const byNode = new Map<string, RawDefinition>();
  const captured: Captured = { definitions: [], wrappers: [], docs: [], comments: [], aside: new Set() };
  const matches: PropertiedMatch[] = grammar.query.matches(tree.rootNode);
  for (const match of matches) {
    const raw = captureMatch(match, captured, lines);
    if (raw === undefined) continue;
    const key = `${raw.start}:${raw.end}`;
    const known = byNode.get(key);
    if (known === undefined || known.pattern < raw.pattern) {
      byNode.set(key, raw);
    } else if (known.pattern === raw.pattern) {
      for (const name of raw.names) if (!known.names.includes(name)) known.names.push(name);
    }
  }
  captured.definitions = [...byNode.values()];
  return captured;
}

function captureMatch(match: PropertiedMatch, captured: Captured, lines: SourceLines): RawDefinition | undefined {
  let definition: RawDefinition | undefined;
  const names: string[] = [];
  const scopes: string[] = [];
  let body = -1;
  let signatureEnd = -1;
  let open = false;
  for (const { name, node } of match.captures) {
    const kind = kinds[name];
    if (kind !== undefined) {
      definition ??= {
        ...spanOf(node),
        kind,
        pattern: match.pattern,
        names,
        scopes,
        body: -1,
        signatureEnd: -1,
        open: false,
        clause: match.setProperties?.['join'] === 'clauses',
        docs: [],
      };
    } else if (name === 'name') {
      names.push(identifierPath(textOf(node, lines)));
    } else if (name === 'name.text') {
      names.push(plainName(textOf(node, lines)));
    } else if (name === 'scope') {
      scopes.push(identifierPath(textOf(node, lines)));
    } else if (name === 'body') {
      body = body === -1 ? node.startIndex : Math.min(body, node.startIndex);
    } else if (name === 'signature') {
      signatureEnd = node.endIndex;
    } else if (name === 'open') {
      open = true;
    } else if (name === 'wrapper') {
      captured.wrappers.push(spanOf(node));
    } else if (name === 'doc') {
      captured.docs.push(spanOf(node));
    } else if (name === 'comment' || name === 'attribute') {
      markAside(spanOf(node), captured.aside, lines);
      if (name === 'comment') captured.comments.push(spanOf(node));
    }
  }
  if (definition === undefined) return undefined;
  Object.assign(definition, { body, signatureEnd, open });
  const fixedName = match.setProperties?.['name'];
  if (fixedName !== undefined && fixedName !== null) names.push(fixedName);
  return definition;
}

function textOf(node: Parser.SyntaxNode, lines: SourceLines): string {
  return lines.text.slice(node.startIndex, Math.min(node.endIndex, node.startIndex + 4 * maxNameCharacters));
}

/** `operator bool() const` without what follows the type. */
const conversion = /^(.*operator\s+[\w.*& ]+?)\s*\(.*$/u;

/** `ns::Type<T>`, `pkg\Name` and `M:method` as segments joined with a dot. */
function identifierPath(text: string): string {
  const folded = text.replaceAll(/\s+/gu, ' ').trim();
  if (folded.includes('operator')) {
    return folded.replaceAll('::', '.').replace(conversion, '$1').slice(0, maxNameCharacters);
  }
  const path = withoutTypeArguments(folded)
    .replaceAll(/::|[\\:/]/gu, '.')
    .replaceAll(/^[.\s]+|[.\s]+$/gu, '');
  // Macros before a name are no part of it.
  return (path.split(' ').at(-1) ?? '').slice(0, maxNameCharacters);
}

function withoutTypeArguments(text: string): string {
  let rest = text;
  for (;;) {
    const shorter = rest.replaceAll(/<[^<>]*>/gu, '');
    if (shorter === rest) return rest;
    rest = shorter;
  }
}

/** The text of a string, heading or key on one line, without quotes. */
function plainName(text: string): string {
  return text
    .replaceAll(/\s+/gu, ' ')
    .replace(/^(["'`])(.*)\1$/u, '$2')
    .trim()
    .slice(0, maxNameCharacters);
}

/** Marks the rows of a comment or attribute that stands on rows of its own. */
function markAside(span: Span, aside: Set<number>, lines: SourceLines): void {
  const before = lines.text.slice(lines.startOf(span.firstRow), span.start);
  if (before.trim() !== '' && !aside.has(span.firstRow)) return;
  const after = lines.text.slice(span.end, lines.startOf(span.lastRow + 1));
  if (after.trim() !== '' && !after.trimStart().startsWith('//')) return;
  for (let row = span.firstRow; row <= span.lastRow; row++) aside.add(row);
}
