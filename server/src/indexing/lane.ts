import type { Embedder } from '../inference/types.ts';

/** One model at work: an embedder and the vector space its vectors live in. */
export interface Lane {
  readonly name: 'instant' | 'deep';
  readonly embedder: Embedder;
  readonly space: string;
}
