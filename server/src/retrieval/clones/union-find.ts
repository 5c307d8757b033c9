/** Disjoint sets with path halving and union by size (Tarjan & van Leeuwen, JACM 1984). */
export class UnionFind {
  readonly #parents: Uint32Array;
  readonly #sizes: Uint32Array;

  constructor(size: number) {
    this.#parents = Uint32Array.from({ length: size }, (_, at) => at);
    this.#sizes = new Uint32Array(size).fill(1);
  }

  /** The element that stands for the whole set. */
  find(element: number): number {
    let at = element;
    for (;;) {
      const parent = this.#parents[at] ?? at;
      if (parent === at) return at;
      const above = this.#parents[parent] ?? parent;
      this.#parents[at] = above;
      at = above;
    }
  }

  /** The larger set's element goes on standing for both; of two equal ones `a`'s. */
  union(a: number, b: number): void {
    const [first, second] = [this.find(a), this.find(b)];
    if (first === second) return;
    const [large, small] = this.#size(first) >= this.#size(second) ? [first, second] : [second, first];
    this.#parents[small] = large;
    this.#sizes[large] = this.#size(large) + this.#size(small);
  }

  #size(root: number): number {
    return this.#sizes[root] ?? 1;
  }
}
