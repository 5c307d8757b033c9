/** What the samples of a run say: each verdict names what must hold, and the figures it was judged by. */
import type { LoadResult, LoadSample } from './messages.ts';
import { median, trendOf } from './trend.ts';

/** What the system tells about the process from outside. */
export interface ProcessSample {
  at: number;
  /** Bytes in memory, and those of them that are no file's. */
  resident: number;
  anonymous: number;
  threads: number;
  descriptors: number;
}

export interface Verdict {
  name: string;
  ok: boolean;
  figures: string;
}

export interface Judged {
  samples: LoadSample[];
  outside: ProcessSample[];
  /** The process before it opened the store. */
  baseline: ProcessSample;
  result: LoadResult;
  budgetBytes: number;
  /** How much faster than a plain loop searches were when this was last measured with these parameters; absent: unknown. */
  speedup?: number;
}

const mebibyte = 1024 * 1024;
const warmUpSeconds = 30;
/** Growth below this over the watched time is noise of the allocator, whatever the interval says. */
const toleratedBytes = 8 * mebibyte;
const toleratedShare = 0.1;
const toleratedLatency = 1.5;
/** Of the speed against a plain loop: machines differ in more than both loops share. */
const toleratedSpeedup = 0.5;

export function judge({ samples, outside, baseline, result, budgetBytes, speedup }: Judged): Verdict[] {
  const end = samples.at(-1)?.at ?? 0;
  // Caches and heaps fill first: that takes a quarter of a long run, and some time of a short one.
  const warm = Math.max(end / 4, Math.min(end / 2, warmUpSeconds));
  const steady = samples.filter(({ at }) => at > warm);
  const steadyOutside = outside.filter(({ at }) => at > warm && at <= end);
  return [
    {
      name: 'no answer was wrong and no call failed',
      ok: result.wrongCount === 0 && result.searches > 0 && result.commits > 0,
      figures: `${String(result.searches)} searches, ${String(result.commits)} commits, ${String(result.reopenings)} reopenings, ${String(result.refusals)} refusals, ${String(result.wrongCount)} wrong${result.wrong.map((line) => `\n          ${line}`).join('')}`,
    },
    inBudget(steady, budgetBytes),
    processInBudget(outside, baseline, samples, budgetBytes),
    growth('memory of the process', steadyOutside, ({ anonymous }) => anonymous),
    growth('JavaScript heap', steady, ({ heap, external }) => heap + external),
    growth('memory of the engine', steady, ({ engine }) => engine.used),
    growth('disk', steady, ({ disk }) => disk, 0.5),
    {
      name: 'the engine gives its memory back when the store is closed',
      ok: result.engineAfterClose <= Math.max(toleratedBytes, 0.1 * budgetBytes),
      figures: megabytes(result.engineAfterClose),
    },
    leak('threads', steadyOutside, ({ threads }) => threads),
    leak('file descriptors', steadyOutside, ({ descriptors }) => descriptors),
    leak('handles of the event loop', steady, ({ resources }) => resources),
    ...latency(steady, speedup),
  ];
}

/**
 * Speed of the searches against a plain loop over all vectors, each in its best second: neighbours on the machine slow
 * the searches down in many seconds and the loop in some, but neither in all.
 */
export function speedupOf(samples: readonly Pick<LoadSample, 'search' | 'scalar'>[]): number {
  const searched = samples.filter(({ search, scalar }) => search.count > 0 && scalar > 0);
  return Math.min(...searched.map(({ scalar }) => scalar)) / Math.min(...searched.map(({ search }) => search.p50));
}

function inBudget(samples: readonly LoadSample[], budget: number): Verdict {
  const most = Math.max(0, ...samples.map(({ engine }) => engine.used));
  return {
    name: 'the engine stays inside its budget',
    ok: most <= budget,
    figures: `${megabytes(most)} at most, of ${megabytes(budget)}`,
  };
}

/** What JavaScript holds is not the engine's. */
function processInBudget(
  outside: readonly ProcessSample[],
  baseline: ProcessSample,
  samples: readonly LoadSample[],
  budget: number,
): Verdict {
  const own = Math.max(0, ...samples.map(({ heap, external }) => heap + external));
  const most = Math.max(0, ...outside.map(({ anonymous }) => anonymous));
  const taken = most - baseline.anonymous - own;
  return {
    name: 'the process grows by no more than the budget',
    ok: taken <= budget,
    figures: `${megabytes(most)} at most; ${megabytes(baseline.anonymous)} before, ${megabytes(own)} JavaScript: ${megabytes(taken)} of ${megabytes(budget)}`,
  };
}

function growth<S extends { at: number }>(
  what: string,
  samples: readonly S[],
  value: (sample: S) => number,
  share = toleratedShare,
): Verdict {
  const series = samples.map((sample) => ({ at: sample.at, value: value(sample) }));
  const { slope, low, high } = trendOf(series);
  const seconds = (series.at(-1)?.at ?? 0) - (series[0]?.at ?? 0);
  const middle = median(series.map((sample) => sample.value));
  const tolerated = Math.max(toleratedBytes, share * middle);
  return {
    name: `${what} does not grow`,
    // Grown: by 95% confidence not by chance, and by more than an allocator's moods.
    ok: series.length >= 8 && !(low > 0 && slope * seconds > tolerated),
    figures: `median ${megabytes(middle)}, slope ${megabytes(slope * 60)} a minute (95%: ${megabytes(low * 60)} to ${megabytes(high * 60)}) over ${seconds.toFixed(0)} s`,
  };
}

/** Something leaked when the last third has more than the first third ever had. */
function leak<S>(what: string, samples: readonly S[], value: (sample: S) => number): Verdict {
  const third = Math.ceil(samples.length / 3);
  const most = Math.max(...samples.slice(0, third).map(value));
  const least = Math.min(...samples.slice(-third).map(value));
  return {
    name: `no ${what} are leaked`,
    ok: samples.length >= 3 && least <= most,
    figures: `${String(most)} at most in the first third, ${String(least)} at least in the last`,
  };
}

function latency(samples: readonly LoadSample[], speedup: number | undefined): Verdict[] {
  const searched = samples.filter(({ search, scalar }) => search.count > 0 && scalar > 0);
  const quarter = Math.ceil(searched.length / 4);
  const first = speedupOf(searched.slice(0, quarter));
  const last = speedupOf(searched.slice(-quarter));
  const now = speedupOf(searched);
  const verdicts = [
    {
      name: 'searches do not get slower',
      ok: last >= first / toleratedLatency,
      figures: `${first.toFixed(1)} times as fast as a plain loop in the first quarter, ${last.toFixed(1)} in the last; p50 ${median(searched.map(({ search }) => search.p50)).toFixed(2)} ms, p99 ${median(searched.map(({ search }) => search.p99)).toFixed(2)} ms, commit p50 ${median(samples.map(({ commit }) => commit.p50)).toFixed(1)} ms`,
    },
  ];
  if (speedup !== undefined) {
    verdicts.push({
      name: 'searches are as much faster than a plain loop as they were',
      ok: now >= speedup * toleratedSpeedup,
      figures: `${now.toFixed(1)} times, ${speedup.toFixed(1)} when last measured`,
    });
  }
  return verdicts;
}

function megabytes(bytes: number): string {
  return `${(bytes / mebibyte).toFixed(1)} MiB`;
}
