/** From the tree of definitions to chunks: what stays whole, what is cut, what is merged. */
import { joinSymbols, type Definition } from './definitions.ts';
import type { SourceLines } from './source-lines.ts';
import { splitRows, wholeCharacters, wholeLines, type RowSpan } from './split.ts';
import type { Chunk, ChunkKind } from './types.ts';

/** A definition with members of its own (class, namespace, test suite, section) stays whole only when this small. */
const wholeContainerLines = 30;
const wholeContainerCharacters = 1500;
/** A namespace gives way to what is in it unless it is tiny. */
const wholeNamespaceLines = 12;
/** Nested functions of a long function become chunks from this many lines on. */
const nestedFunctionLines = 6;
/** Neighbouring definitions of up to this many lines are merged … */
const smallLines: Readonly<Record<ChunkKind, number>> = {
  function: 4,
  method: 4,
  class: 3,
  type: 4,
  module: 3,
  constant: 4,
  test: 4,
  section: 8,
  block: 0,
  window: 0,
};
/** … with a doc comment of up to this many lines above … */
const smallDocLines = 2;
/** … into chunks of up to this size. */
const mergedLines = 25;
const mergedCharacters = 1400;
/** A section this short goes with any other. */
const tinySectionLines = 3;
/** A run longer than this is not merged with a definition. */
const namedRunLines = 10;
/** The head of a class goes with its constructor, a bare `class X {` with whatever member comes first. */
const constructedHeadLines = 10;
const bareHeadLines = 2;
/** A run of at most this many lines and characters between definitions is no chunk of its own. */
const strayLines = 2;
const strayCharacters = 120;

interface Piece extends RowSpan {
  kind: ChunkKind;
  symbol: string;
  signature: string;
  doc: string;
  /** Pieces of one class or suite; only pieces of the same group are merged. Namespaces do not open a group. */
  group: number;
  /** Rows of a container itself, or of the file, between the definitions in it. */
  run: boolean;
  /** The first run of a container, with its signature. */
  head: boolean;
  /** A head of no more than `class X {`. */
  bare: boolean;
  /** May be merged with its neighbours. */
  small: boolean;
}

const constructorNames = /^(?:constructor|__init__|initialize|init|new|New|__construct)$/u;

/**
 * @param rootKind kind of what stands outside of all definitions.
 * @param depths called when something is too long to stay whole.
 */
export function assembleChunks(
  lines: SourceLines,
  roots: Definition[],
  rootKind: ChunkKind,
  depths: () => Uint8Array,
): Chunk[] {
  return new Assembly(lines, depths).chunks(roots, rootKind);
}

class Assembly {
  readonly #lines: SourceLines;
  readonly #depths: () => Uint8Array;
  #pieces: Piece[] = [];
  #groups = 0;

  constructor(lines: SourceLines, depths: () => Uint8Array) {
    this.#lines = lines;
    this.#depths = depths;
  }

  chunks(roots: Definition[], kind: ChunkKind): Chunk[] {
    const file: Definition = {
      kind,
      symbol: '',
      signature: '',
      doc: '',
      first: 0,
      declared: 0,
      last: this.#lines.lastRow,
      name: '',
      children: roots,
    };
    this.#addParts(file, roots, 0, false);
    const chunks = this.#merged().flatMap((piece) => this.#cut(piece));
    return chunks.sort((a, b) => a.startLine - b.startLine || a.endLine - b.endLine);
  }

  #add(definition: Definition, group: number): void {
    const members = this.#members(definition);
    if (this.#staysWhole(definition, members)) {
      const { kind, symbol, signature, doc, first, last } = definition;
      const small = this.#isSmall(definition);
      const piece = { kind, symbol, signature, doc, first, last, group, small };
      this.#pieces.push({ ...piece, run: false, head: false, bare: false });
      return;
    }
    const own = definition.kind === 'module' || definition.kind === 'section' ? group : ++this.#groups;
    this.#addParts(definition, members, own, true);
  }

  #isSmall({ kind, first, declared, last }: Definition): boolean {
    const limit = smallLines[kind];
    return this.#lines.nonBlank(declared, last) <= limit && this.#lines.nonBlank(first, last) <= limit + smallDocLines;
  }

  /** The children that may become chunks: of a function only those that are worth one. */
  #members(definition: Definition): Definition[] {
    if (definition.kind !== 'function' && definition.kind !== 'method') return definition.children;
    return definition.children.filter((child) => child.last - child.first + 1 >= nestedFunctionLines);
  }

  #staysWhole(definition: Definition, members: Definition[]): boolean {
    const { first, last, kind } = definition;
    const count = last - first + 1;
    const characters = this.#lines.characters(first, last);
    if (members.length === 0) return true;
    if (kind === 'function' || kind === 'method') return count <= wholeLines && characters <= wholeCharacters;
    return (
      count <= (kind === 'module' ? wholeNamespaceLines : wholeContainerLines) && characters <= wholeContainerCharacters
    );
  }

  #addParts(definition: Definition, members: Definition[], group: number, head: boolean): void {
    let row = definition.first;
    for (const member of members) {
      this.#addRun(definition, row, member.first - 1, group, head && row === definition.first);
      this.#add(member, group);
      row = member.last + 1;
    }
    this.#addRun(definition, row, definition.last, group, head && row === definition.first);
  }

  #addRun(owner: Definition, first: number, last: number, group: number, head: boolean): void {
    const span = this.#lines.trim(first, last);
    if (span === undefined) return;
    const previous = this.#pieces.at(-1);
    if (!head && previous !== undefined && !previous.head && this.#isStray(span)) {
      previous.last = span.last;
      return;
    }
    const kind = head || owner.kind === 'module' || owner.kind === 'section' ? owner.kind : 'block';
    const doc = head ? owner.doc : '';
    const signature = head || kind === 'block' ? owner.signature : '';
    const count = this.#lines.nonBlank(span.first, span.last);
    const small = count <= mergedLines;
    const bare = head && doc === '' && count <= bareHeadLines;
    this.#pieces.push({ ...span, bare, kind, symbol: owner.symbol, signature, doc, group, run: true, head, small });
  }

  /** Closing brackets, an `#endif`, a lone call: they go with what stands before them. */
  #isStray({ first, last }: RowSpan): boolean {
    const text = this.#lines.slice(first, last);
    if (!/[\p{L}\p{N}]/u.test(text)) return true;
    return this.#lines.nonBlank(first, last) <= strayLines && text.length <= strayCharacters;
  }

  #merged(): Piece[] {
    const result: Piece[] = [];
    for (const piece of this.#pieces) {
      const previous = result.at(-1);
      if (previous?.group === piece.group && this.#belongTogether(previous, piece)) {
        join(previous, piece);
      } else {
        result.push({ ...piece });
      }
    }
    return result;
  }

  #belongTogether(previous: Piece, piece: Piece): boolean {
    if ((previous.kind === 'test') !== (piece.kind === 'test')) return false;
    const count = piece.last - previous.first + 1;
    const characters = this.#lines.characters(previous.first, piece.last);
    if (count > mergedLines || characters > mergedCharacters) return false;
    if (previous.small && piece.small) return this.#mayShareName(previous, piece);
    if (previous.kind === 'section' && piece.kind === 'section' && (this.#isTiny(previous) || this.#isTiny(piece))) {
      return true;
    }
    if (!previous.head || piece.run) return false;
    const last = piece.symbol.split('.').at(-1) ?? '';
    const constructs = constructorNames.test(last) || previous.symbol.split('.').at(-1) === last;
    if (!constructs) return previous.bare;
    return this.#lines.nonBlank(previous.first, previous.last) <= constructedHeadLines;
  }

  #isTiny({ first, last }: Piece): boolean {
    return this.#lines.nonBlank(first, last) <= tinySectionLines;
  }

  /** A long run (of imports, say) keeps to itself: a small definition at its end would give the whole its name. */
  #mayShareName(previous: Piece, piece: Piece): boolean {
    if (previous.run === piece.run) return true;
    const run = previous.run ? previous : piece;
    return run.head || this.#lines.nonBlank(run.first, run.last) <= namedRunLines;
  }

  #cut(piece: Piece): Chunk[] {
    const tooLong =
      piece.last - piece.first + 1 > wholeLines || this.#lines.characters(piece.first, piece.last) > wholeCharacters;
    const overlap = piece.kind !== 'module' && piece.kind !== 'section';
    const spans = tooLong ? splitRows(this.#lines, this.#depths(), piece, overlap) : [piece];
    return spans.map((span, index) => ({
      startLine: span.first + 1,
      endLine: span.last + 1,
      symbol: piece.symbol,
      kind: index === 0 || piece.kind === 'module' || piece.kind === 'section' ? piece.kind : 'block',
      signature: piece.signature,
      doc: index === 0 ? piece.doc : '',
      text: this.#lines.slice(span.first, span.last),
    }));
  }
}

/** The merged piece keeps what describes it best: the first definition in it, or a container's head. */
function join(previous: Piece, piece: Piece): void {
  const unnamed = previous.run && !previous.head;
  // The first line of a namespace adds nothing to a chunk that has a name.
  const named = !piece.run || (piece.head && !(piece.bare && piece.kind === 'module' && !unnamed));
  if (unnamed && named) {
    previous.kind = piece.kind;
    previous.signature = piece.signature;
    previous.doc = piece.doc;
    previous.symbol = joinSymbols(previous.kind === 'block' ? [previous.symbol, piece.symbol] : [piece.symbol]);
  } else if (named) {
    previous.symbol = joinSymbols([previous.symbol, piece.symbol]);
  }
  previous.last = piece.last;
  previous.run &&= piece.run;
  previous.head = false;
  previous.bare = false;
  previous.small &&= piece.small;
}
