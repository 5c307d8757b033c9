/**
 * What answers together: the same function in several languages. Candidates are the nodes of a graph whose edges join what
 * is alike across languages, and each passes on what it is worth as an answer: ranking on data manifolds (Zhou et al.,
 * NIPS 2003). Within a language nothing is passed on: what is like an answer there is another function.
 *
 * Some code is like everything. So from a likeness is taken what the candidate is like to what it is most like in each
 * other language, as cross-domain similarity local scaling does (Conneau et al., ICLR 2018, there with the nearest ten).
 */

/** Share of its best likenesses that is taken from all likenesses of a candidate. */
const hubShare = 0.6;
/** Edges have this power: what is a little more alike counts a lot more. */
const sharpness = 4;
/** Share of what a candidate is worth that it passes on. */
const passedOn = 0.8;
/** Steps from an answer that what it passes on can reach. */
const rounds = 6;
/** Number of no language. */
const none = -1;

export class Kinship {
  /** By candidate: how much it is like what it is most like in each other language, times {@link hubShare}. */
  readonly hubs: Float32Array;
  readonly #size: number;
  /** n x n, symmetric: shares that are passed on. */
  readonly #edges: Float32Array;

  /**
   * @param likeness n x n, as of `Likeness.amongAll`
   * @param languages undefined for what has no kin
   */
  constructor(likeness: Float32Array, languages: readonly (string | undefined)[]) {
    this.#size = languages.length;
    const names = [...new Set(languages.filter((language) => language !== undefined))];
    const numbers = Int32Array.from(languages, (language) => (language === undefined ? none : names.indexOf(language)));
    this.hubs = hubsIn(likeness, numbers, names.length);
    this.#edges = edgesIn(likeness, numbers, this.hubs);
  }

  /**
   * How well each candidate answers when all have passed on what they are worth, 0 to 1, the best 1.
   *
   * @param scores of the candidates; those below the median are worth nothing
   * @param contrast power of what the others are worth: how much more the best ones count
   */
  spread(scores: Float32Array, contrast: number): Float32Array {
    const least = scores.toSorted()[scores.length >> 1] ?? 0;
    const span = Math.max(...scores) - least;
    if (span <= 0) return new Float32Array(scores.length);
    const own = scores.map((score) => (Math.max(0, score - least) / span) ** contrast);
    let worth: Float32Array = own;
    for (let round = 0; round < rounds; round++) worth = this.#passed(worth, own);
    const most = Math.max(...worth);
    return worth.map((value) => (value / most) ** (1 / contrast));
  }

  #passed(worth: Float32Array, own: Float32Array): Float32Array {
    return own.map((value, at) => {
      let sum = value;
      const row = at * this.#size;
      for (let other = 0; other < this.#size; other++) sum += (this.#edges[row + other] ?? 0) * (worth[other] ?? 0);
      return sum;
    });
  }
}

function hubsIn(likeness: Float32Array, languages: Int32Array, count: number): Float32Array {
  const size = languages.length;
  const best = new Float32Array(count * size).fill(-1);
  for (let from = 0; from < size; from++) {
    if (languages[from] === none) continue;
    const of = (languages[from] ?? 0) * size;
    for (let to = 0; to < size; to++) {
      const value = likeness[from * size + to] ?? 0;
      if (value > (best[of + to] ?? 0)) best[of + to] = value;
    }
  }
  return Float32Array.from(languages, (own, to) => {
    let sum = 0;
    for (let of = 0; of < count; of++) if (of !== own) sum += best[of * size + to] ?? 0;
    return (hubShare * sum) / Math.max(1, own === none ? count : count - 1);
  });
}

function canBeKin(languages: Int32Array, a: number, b: number): boolean {
  return languages[a] !== languages[b] && languages[a] !== none && languages[b] !== none;
}

function edgesIn(likeness: Float32Array, languages: Int32Array, hubs: Float32Array): Float32Array {
  const size = languages.length;
  const edges = new Float32Array(size * size);
  let [sum, count] = [0, 0];
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < a; b++) {
      if (!canBeKin(languages, a, b)) continue;
      const both = (likeness[a * size + b] ?? 0) + (likeness[b * size + a] ?? 0);
      const edge = both / 2 - ((hubs[a] ?? 0) + (hubs[b] ?? 0)) / 2;
      edges[a * size + b] = edge;
      sum += edge;
      count++;
    }
  }
  const least = sum / Math.max(1, count);
  const degrees = new Float32Array(size);
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < a; b++) {
      if (!canBeKin(languages, a, b)) continue;
      const edge = Math.max(0, (edges[a * size + b] ?? 0) - least) ** sharpness;
      edges[a * size + b] = edge;
      degrees[a] = (degrees[a] ?? 0) + edge;
      degrees[b] = (degrees[b] ?? 0) + edge;
    }
  }
  const roots = degrees.map(Math.sqrt);
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < a; b++) {
      const edge = edges[a * size + b] ?? 0;
      if (edge === 0) continue;
      const share = (passedOn * edge) / ((roots[a] ?? 1) * (roots[b] ?? 1));
      edges[a * size + b] = share;
      edges[b * size + a] = share;
    }
  }
  return edges;
}
