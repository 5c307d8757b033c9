/** Values of candidates in several languages, measured against those of their language. */

/** Few candidates of a language count as if so many of all languages were among them. */
const borrowed = 10;

interface Moments {
  mean: number;
  variance: number;
}

export class Standards {
  readonly #members: readonly (readonly number[])[];

  /** @param languages of the candidates, in the order in which their values will be given */
  constructor(languages: readonly string[]) {
    const members = new Map<string, number[]>();
    for (const [at, language] of languages.entries()) {
      const known = members.get(language);
      if (known === undefined) members.set(language, [at]);
      else known.push(at);
    }
    this.#members = [...members.values()];
  }

  /** How far each value is from its language's mean, in standard deviations. */
  deviations(values: Float32Array): Float32Array {
    return this.#measured(values, (value, { mean, variance }) =>
      variance === 0 ? 0 : (value - mean) / Math.sqrt(variance),
    );
  }

  /** How far the mean of each value's language is from that of all. */
  means(values: Float32Array): Float32Array {
    return this.#measured(values, (_, { mean }, all) => mean - all.mean);
  }

  #measured(values: Float32Array, measure: (value: number, language: Moments, all: Moments) => number): Float32Array {
    const all = momentsOf(values);
    const measured = new Float32Array(values.length);
    for (const members of this.#members) {
      let sum = borrowed * all.mean;
      for (const at of members) sum += values[at] ?? 0;
      const mean = sum / (members.length + borrowed);
      let spread = borrowed * all.variance;
      for (const at of members) spread += ((values[at] ?? 0) - mean) ** 2;
      const variance = spread / (members.length + borrowed);
      for (const at of members) measured[at] = measure(values[at] ?? 0, { mean, variance }, all);
    }
    return measured;
  }
}

function momentsOf(values: Float32Array): Moments {
  const count = Math.max(1, values.length);
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count };
}
