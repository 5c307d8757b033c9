export declare const elementType: { float32: number; uint8: number; int64: number };

export declare class GraphWriter {
  floats(name: string, dims: number[], values: ArrayLike<number>): string;
  integers(name: string, values: number[]): string;
  node(
    operator: string,
    inputs: string[],
    attributes?: Record<string, number | number[] | { float: number }>,
    options?: { domain?: string; output?: string },
  ): string;
  input(name: string, type: number, dims: (number | string)[]): void;
  output(name: string, type: number, dims: (number | string)[]): void;
  toBuffer(names: { producer: string; graphName: string }): Buffer;
}
