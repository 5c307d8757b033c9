/** How good a ranking is, and whether two runs differ by more than chance. */

export const cutoff = 10;

const discounted = (gains) => gains.reduce((sum, gain, at) => sum + gain / Math.log2(at + 2), 0);

/**
 * NDCG@10 with linear gain, recall@10 and MRR@10 of one query.
 *
 * @param {number[]} gains of the results, best first: the grade of what each one finds for the first time, else 0
 * @param {number[]} grades of everything that could be found, all above 0
 */
export function scoreOf(gains, grades) {
  const top = gains.slice(0, cutoff);
  const ideal = discounted([...grades].sort((a, b) => b - a).slice(0, cutoff));
  const first = top.findIndex((gain) => gain > 0);
  return {
    ndcg: discounted(top) / ideal,
    recall: top.filter((gain) => gain > 0).length / grades.length,
    mrr: first < 0 ? 0 : 1 / (first + 1),
  };
}

export const mean = (list) => list.reduce((sum, value) => sum + value, 0) / Math.max(1, list.length);

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Groups by a key, in order of appearance. */
export function grouped(list, keyOf) {
  const groups = new Map();
  for (const item of list) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}

/** SplitMix32, by Guy Steele and others: numbers from 0 to 1 that are the same in every run. */
function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

/**
 * Paired bootstrap over queries: the mean of the differences, and the middle 95% of the means of resampled ones.
 *
 * @param {number[]} differences per query
 */
export function bootstrap(differences, resamples = 2000) {
  const random = seeded(7);
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let draw = 0; draw < differences.length; draw++) {
      sum += differences[Math.floor(random() * differences.length)];
    }
    return sum / Math.max(1, differences.length);
  }).sort();
  const at = (share) => means[Math.min(resamples - 1, Math.floor(resamples * share))] ?? 0;
  return { change: mean(differences), low: at(0.025), high: at(0.975) };
}
