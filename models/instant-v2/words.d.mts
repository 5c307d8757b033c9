export declare function wordsOf(text: string): string[];

export declare class PieceReader {
  constructor(vocabulary: readonly string[]);
  piecesOfWord(word: string): number[];
  piecesOf(text: string): number[];
}
