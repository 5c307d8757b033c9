import { readFile } from 'node:fs/promises';
import * as tokenizers from '@huggingface/tokenizers';
import { errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';

/** The part used here. The package's own types import each other without extensions, which NodeNext does not resolve. */
interface Tokenizer {
  encode(text: string, options?: { text_pair?: string; return_token_type_ids?: boolean }): Encoding;
  token_to_id(token: string): number | undefined;
}

interface Encoding {
  ids: number[];
  token_type_ids?: number[];
}

const { Tokenizer } = tokenizers as unknown as {
  Tokenizer: new (description: object, config: object) => Tokenizer;
};

const unknownTokens = ['[UNK]', '<unk>'];
/** No token is longer than a word, and a word of more letters than this is one unknown token. */
const maxWordCharacters = 100;
/** A question of a pair leaves this share of the tokens to the text at least. */
const mostOfPair = 0.5;

export interface EncodedText {
  ids: Int32Array;
  /** At least one token stands for something. */
  known: boolean;
}

export interface EncodedPair {
  ids: Int32Array;
  /** 0 for the question, 1 for the text; what models of that kind were trained with. */
  types: Int32Array;
}

/** The tokenizer of a model: text to ids, cut to the length it takes. */
export class TextEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #maxTokens: number;
  /** Tokens that stand before and after every text. */
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #unknown: ReadonlySet<number>;

  private constructor(tokenizer: Tokenizer, maxTokens: number) {
    this.#tokenizer = tokenizer;
    this.#maxTokens = maxTokens;
    const bare = tokenizer.encode('').ids;
    const sample = tokenizer.encode('a').ids;
    let before = 0;
    while (before < bare.length && bare[before] === sample[before]) before++;
    this.#before = bare.slice(0, before);
    this.#after = bare.slice(before);
    this.#unknown = new Set(unknownTokens.map((token) => tokenizer.token_to_id(token) ?? -1));
  }

  /**
   * @param path a `tokenizer.json`
   * @param maxTokens of a text, special tokens included
   * @throws TiercelError `InstallWhatIsMissing` when it cannot be read
   */
  static async load(path: string, maxTokens: number): Promise<TextEncoder> {
    try {
      const description: unknown = JSON.parse(await readFile(path, 'utf8'));
      if (typeof description !== 'object' || description === null) throw new Error('it holds no object');
      // Files from elsewhere may bake in a length and padding: both are ours to choose.
      return new TextEncoder(new Tokenizer({ ...description, truncation: null, padding: null }, {}), maxTokens);
    } catch (cause) {
      throw new TiercelError(
        errorCodes.installWhatIsMissing,
        `The model's tokenizer ${path} cannot be read (${messageOf(cause)}): install the model again.`,
        { cause },
      );
    }
  }

  encode(text: string): EncodedText {
    const { ids } = this.#tokenizer.encode(text.slice(0, this.#maxTokens * maxWordCharacters));
    const tail = this.#after.length;
    if (ids.length > this.#maxTokens) {
      ids.length = this.#maxTokens - tail;
      ids.push(...this.#after);
    }
    const own = ids.slice(this.#before.length, ids.length - tail);
    return { ids: Int32Array.from(ids), known: own.some((id) => !this.#unknown.has(id)) };
  }

  /** A question and a text as one row. The question is cut to half of the length, the text to what is left. */
  encodePair(query: string, text: string): EncodedPair {
    const most = Math.floor(this.#maxTokens * mostOfPair);
    const question = this.#cut(query, most);
    const { ids, token_type_ids: types } = this.#tokenizer.encode(question, {
      text_pair: text.slice(0, this.#maxTokens * maxWordCharacters),
      return_token_type_ids: true,
    });
    const given = types ?? new Array<number>(ids.length).fill(0);
    if (ids.length > this.#maxTokens) {
      const lastType = given.at(-1) ?? 0;
      ids.length = this.#maxTokens - this.#after.length;
      given.length = ids.length;
      ids.push(...this.#after);
      given.push(...this.#after.map(() => lastType));
    }
    return { ids: Int32Array.from(ids), types: Int32Array.from(given) };
  }

  /** The longest start of a text, by halves, that has no more tokens than that. */
  #cut(text: string, most: number): string {
    let part = text.slice(0, most * maxWordCharacters);
    while (part.length > 1 && this.#tokenizer.encode(part).ids.length > most) part = part.slice(0, part.length / 2);
    return part;
  }
}
