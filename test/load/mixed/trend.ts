/** Whether a series of noisy samples grows, robustly: one sample in four may be anything. */

export interface Trend {
  /** Units per second: the median of the slopes between all pairs (Theil 1950, Sen, JASA 1968). */
  slope: number;
  /** Bounds of the two-sided 95% confidence interval of the slope, from the variance of Kendall's statistic (Sen 1968). */
  low: number;
  high: number;
}

export interface Sample {
  /** Seconds. */
  at: number;
  value: number;
}

/** The normal distribution's quantile for 95%, two-sided. */
const z = 1.96;

/** @param samples at different times; fewer than eight tell nothing: a slope of 0 between infinite bounds */
export function trendOf(samples: readonly Sample[]): Trend {
  const n = samples.length;
  if (n < 8) return { slope: 0, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const slopes: number[] = [];
  for (const [index, from] of samples.entries()) {
    for (const to of samples.slice(index + 1)) {
      if (to.at !== from.at) slopes.push((to.value - from.value) / (to.at - from.at));
    }
  }
  slopes.sort((a, b) => a - b);
  const spread = z * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const rank = (position: number): number =>
    slopes[Math.min(Math.max(Math.round(position), 0), slopes.length - 1)] ?? 0;
  return {
    slope: quantile(slopes, 0.5),
    low: rank((slopes.length - spread) / 2 - 1),
    high: rank((slopes.length + spread) / 2),
  };
}

/** @param sorted ascending; NaN when there are none */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
