import { readFile } from 'node:fs/promises';
import * as tokenizers from '@huggingface/tokenizers';

/** The part used here. The package's own types import each other without extensions, which NodeNext does not resolve. */
interface Tokenizer {
  encode(text: string): { ids: number[] };
  token_to_id(token: string): number | undefined;
}

const { Tokenizer } = tokenizers as unknown as {
  Tokenizer: new (description: object, config: object) => Tokenizer;
};

/** The model was trained on at most this many tokens, the two special ones included. */
export const maxTokens = 256;

const special = new Set(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']);
/** No token is longer than a word, and a word of more letters than this is one unknown token. */
const maxWordCharacters = 100;
const maxCharacters = maxTokens * maxWordCharacters;

export interface EncodedText {
  ids: Int32Array;
  /** At least one token stands for something. */
  known: boolean;
}

/** The tokenizer of a model: text to ids, cut to {@link maxTokens}. */
export class TextEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #specialIds: ReadonlySet<number>;
  readonly #lastId: number;

  private constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#specialIds = new Set([...special].map((token) => tokenizer.token_to_id(token) ?? -1));
    this.#lastId = tokenizer.token_to_id('[SEP]') ?? 0;
  }

  /** @param path a `tokenizer.json` */
  static async load(path: string): Promise<TextEncoder> {
    const description: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof description !== 'object' || description === null) throw new Error('tokenizer.json holds no object');
    return new TextEncoder(new Tokenizer(description, {}));
  }

  encode(text: string): EncodedText {
    const { ids } = this.#tokenizer.encode(text.slice(0, maxCharacters));
    if (ids.length > maxTokens) {
      ids.length = maxTokens;
      ids[maxTokens - 1] = this.#lastId;
    }
    return { ids: Int32Array.from(ids), known: ids.some((id) => !this.#specialIds.has(id)) };
  }
}
