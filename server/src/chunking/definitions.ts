/** From the captures of a chunk query to the tree of definitions of a file. */
import type Parser from 'tree-sitter';
import { capture, type Captured, type RawDefinition, type Span } from './captures.ts';
import { commentText } from './comment-text.ts';
import type { Grammar } from './grammars.ts';
import type { SourceLines } from './source-lines.ts';
import type { ChunkKind } from './types.ts';

export interface Definition {
  kind: ChunkKind;
  /** Nested symbol path. */
  symbol: string;
  signature: string;
  doc: string;
  /** First row, with the doc comment and attributes above. */
  first: number;
  /** Row where the definition itself begins. */
  declared: number;
  last: number;
  /** Names of the definition alone, for constructors and merged definitions. */
  name: string;
  children: Definition[];
}

/** Deeper nesting is not cut further: recursion over definitions stays shallow whatever the file is like. */
const maxNesting = 40;
const maxSignatureCharacters = 300;
const maxDocCharacters = 2000;
/** A doc block that starts in the first rows of a file is about the file. */
const fileHeaderRows = 3;
const maxJoinedSymbols = 8;

/**
 * The definitions of a parsed file, outermost ones first, siblings in file order and disjoint by rows.
 */
export function findDefinitions(grammar: Grammar, tree: Parser.Tree, lines: SourceLines): Definition[] {
  return new Nesting(capture(grammar, tree, lines), lines).build();
}

interface Open {
  definition: Definition;
  raw: RawDefinition;
}

class Nesting {
  readonly #captured: Captured;
  readonly #lines: SourceLines;
  readonly #roots: Definition[] = [];
  /** Comments and doc attributes on rows of their own, by first row. */
  readonly #docsByRow = new Map<number, Span[]>();

  constructor(captured: Captured, lines: SourceLines) {
    this.#captured = captured;
    this.#lines = lines;
    captured.comments.sort((a, b) => a.start - b.start);
    for (const doc of [...captured.comments, ...captured.docs]) {
      if (!captured.aside.has(doc.firstRow)) continue;
      const known = this.#docsByRow.get(doc.firstRow);
      if (known === undefined) this.#docsByRow.set(doc.firstRow, [doc]);
      else known.push(doc);
    }
  }

  build(): Definition[] {
    const raws = this.#widened();
    this.#close(raws);
    for (const raw of raws) this.#trimEnd(raw);
    this.#assignInnerDocs(raws);
    const stack: Open[] = [];
    const finished: Definition[] = [];
    for (const raw of raws) {
      while (stack.length > 0 && !contains(stack.at(-1), raw)) stack.pop();
      const parent = stack.at(-1);
      if (stack.length >= maxNesting) continue;
      const siblings = parent === undefined ? this.#roots : parent.definition.children;
      const definition = this.#definition(raw, parent?.definition, siblings.at(-1));
      if (definition === undefined) continue;
      siblings.push(definition);
      stack.push({ definition, raw });
      finished.push(definition);
    }
    for (const definition of finished.reverse()) if (isTestSuite(definition)) definition.kind = 'test';
    return this.#roots;
  }

  /** Definitions in file order, each with the wrappers (export, decorators, template) that hold it alone. */
  #widened(): RawDefinition[] {
    const order = (a: Span, b: Span) => a.start - b.start || b.end - a.end;
    const definitions = this.#captured.definitions.sort(order);
    const wrappers = this.#captured.wrappers.sort(order);
    let next = 0;
    for (const definition of definitions) {
      const around: Span[] = [];
      for (let wrapper = wrappers[next]; wrapper !== undefined && wrapper.start <= definition.start;) {
        if (wrapper.end >= definition.end && wrapper.lastRow === definition.lastRow) around.push(wrapper);
        wrapper = wrappers[++next];
      }
      const outermost = around[0];
      if (outermost === undefined) continue;
      definition.start = outermost.start;
      definition.end = outermost.end;
      definition.firstRow = outermost.firstRow;
    }
    return definitions.sort(order);
  }

  /** Gives open definitions their end. */
  #close(raws: RawDefinition[]): void {
    const around: Span[] = [];
    for (const [index, raw] of raws.entries()) {
      while (around.length > 0 && (around.at(-1)?.end ?? 0) <= raw.start) around.pop();
      if (raw.open) {
        const limit = around.at(-1) ?? { end: this.#lines.text.length, lastRow: this.#lines.lastRow };
        const next = raws[index + 1];
        raw.end = next === undefined ? limit.end : Math.min(next.start, limit.end);
        raw.lastRow = next === undefined ? limit.lastRow : Math.min(next.firstRow - 1, limit.lastRow);
      } else {
        around.push(raw);
      }
    }
  }

  /** Some grammars count the blank lines and comments after a definition as part of it. */
  #trimEnd(raw: RawDefinition): void {
    while (raw.lastRow > raw.firstRow && (this.#lines.isBlank(raw.lastRow) || this.#captured.aside.has(raw.lastRow))) {
      raw.lastRow--;
    }
  }

  /** Docstrings inside a definition belong to the innermost one around them. */
  #assignInnerDocs(raws: RawDefinition[]): void {
    const inner = this.#captured.docs.filter((doc) => !this.#captured.aside.has(doc.firstRow));
    inner.sort((a, b) => a.start - b.start);
    const stack: RawDefinition[] = [];
    let next = 0;
    for (const doc of inner) {
      for (let raw = raws[next]; raw !== undefined && raw.start <= doc.start; raw = raws[++next]) {
        while (stack.length > 0 && (stack.at(-1)?.end ?? 0) < raw.end) stack.pop();
        stack.push(raw);
      }
      while (stack.length > 0 && (stack.at(-1)?.end ?? 0) < doc.end) stack.pop();
      const owner = stack.at(-1);
      if (owner?.docs.length === 0) owner.docs.push(this.#lines.text.slice(doc.start, doc.end));
    }
  }

  #definition(raw: RawDefinition, parent: Definition | undefined, previous: Definition | undefined) {
    const name = [...raw.scopes, raw.names.slice(0, 4).join(', ')].filter((part) => part !== '').join('.');
    const symbol = [parent?.symbol ?? '', name].filter((part) => part !== '').join('.');
    if (previous !== undefined && raw.firstRow <= previous.last) {
      absorb(previous, raw.lastRow, symbol);
      return undefined;
    }
    if (
      raw.clause &&
      previous?.symbol === symbol &&
      this.#lines.trim(previous.last + 1, raw.firstRow - 1) === undefined
    ) {
      previous.last = raw.lastRow;
      return undefined;
    }
    if (parent !== undefined && raw.firstRow <= parent.declared && raw.lastRow >= parent.last) return undefined;
    const floor = Math.max(previous === undefined ? 0 : previous.last + 1, parent?.declared ?? 0);
    const above = this.#above(raw.firstRow, floor);
    const definition: Definition = {
      kind: kindOf(raw.kind, parent),
      symbol,
      signature: this.#signature(raw),
      doc: [...above.docs, ...raw.docs].map(commentText).join('\n').trim().slice(0, maxDocCharacters),
      first: above.first,
      declared: raw.firstRow,
      last: raw.lastRow,
      name,
      children: [],
    };
    return definition;
  }

  /** The rows of comments and attributes directly above, not before `floor`, and the doc texts in them. */
  #above(row: number, floor: number): { first: number; docs: string[] } {
    let first = row;
    if (this.#hasDetachedDoc(row, floor)) first--;
    while (first - 1 >= floor && this.#captured.aside.has(first - 1)) first--;
    const docs: string[] = [];
    for (const doc of this.#docsBetween(first, row - 1)) docs.push(this.#lines.text.slice(doc.start, doc.end));
    return { first, docs };
  }

  /** A doc block may be followed by one blank line, unless it heads the file. */
  #hasDetachedDoc(row: number, floor: number): boolean {
    if (row - 2 < Math.max(floor, fileHeaderRows) || !this.#lines.isBlank(row - 1)) return false;
    if (
      !this.#captured.aside.has(row - 2) ||
      !this.#lines
        .row(row - 2)
        .trimEnd()
        .endsWith('*/')
    )
      return false;
    let top = row - 2;
    while (top > floor && this.#captured.aside.has(top - 1) && !this.#lines.row(top).trimStart().startsWith('/*'))
      top--;
    return top >= fileHeaderRows && this.#lines.row(top).trimStart().startsWith('/**');
  }

  #docsBetween(first: number, last: number): Span[] {
    const found: Span[] = [];
    for (let row = first; row <= last; row++) found.push(...(this.#docsByRow.get(row) ?? []));
    return found;
  }

  #signatureEnd(raw: RawDefinition): number {
    if (raw.signatureEnd !== -1) return raw.signatureEnd;
    if (raw.body > raw.start) return raw.body;
    // A type without a body is all signature; of anything else the first line has to do.
    return raw.kind === 'type' ? raw.end : Math.min(raw.end, this.#lines.startOf(raw.firstRow + 1));
  }

  #signature(raw: RawDefinition): string {
    if (raw.kind === 'section') return '';
    return this.#withoutComments(raw.start, Math.min(this.#signatureEnd(raw), raw.start + 4 * maxSignatureCharacters))
      .replaceAll(/\s+/gu, ' ')
      .replace(/[\s{:=]+$/u, '')
      .slice(0, maxSignatureCharacters);
  }

  #withoutComments(start: number, end: number): string {
    const { comments } = this.#captured;
    let text = '';
    let from = start;
    for (let i = firstFrom(comments, start); i < comments.length; i++) {
      const comment = comments[i];
      if (comment === undefined || comment.start >= end) break;
      text += this.#lines.text.slice(from, comment.start);
      from = comment.end;
    }
    return text + this.#lines.text.slice(from, Math.max(from, end));
  }
}

function firstFrom(spans: readonly Span[], offset: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.start ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function contains(outer: Open | undefined, inner: Span): boolean {
  return outer !== undefined && inner.start >= outer.raw.start && inner.end <= outer.raw.end;
}

function kindOf(kind: ChunkKind, parent: Definition | undefined): ChunkKind {
  return kind === 'function' && (parent?.kind === 'class' || parent?.kind === 'type') ? 'method' : kind;
}

/** A class, or a module that is called a test, most of whose functions are tests. */
function isTestSuite(definition: Definition): boolean {
  if (definition.kind !== 'class' && !(definition.kind === 'module' && /tests?$/iu.test(definition.name))) return false;
  const members = definition.children.filter((child) => child.kind !== 'constant' && child.kind !== 'type');
  return members.length > 0 && members.filter((child) => child.kind === 'test').length * 2 > members.length;
}

/** Two definitions that share a row are one. */
function absorb(previous: Definition, lastRow: number, symbol: string): void {
  previous.last = Math.max(previous.last, lastRow);
  previous.symbol = joinSymbols([previous.symbol, symbol]);
}

/**
 * Symbols of a chunk with several definitions: the first few, joined with a comma, those after the first without the
 * path they share with it (`Shape.area, name`), so that the path does not weigh more for being repeated.
 */
export function joinSymbols(symbols: readonly string[]): string {
  const [first = '', ...others] = symbols.filter((symbol) => symbol !== '');
  const [lead = ''] = first.split(', ');
  const parent = lead.slice(0, lead.lastIndexOf('.') + 1);
  const names = new Set(first.split(', '));
  for (const symbol of others) {
    if (symbol === lead) continue;
    const shared = [`${lead}.`, parent].find((prefix) => prefix !== '' && symbol.startsWith(prefix)) ?? '';
    for (const name of symbol.slice(shared.length).split(', ')) names.add(name);
  }
  return [...names].slice(0, maxJoinedSymbols).join(', ');
}
