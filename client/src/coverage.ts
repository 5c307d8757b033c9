/** How complete an answer is, in words. */
import type { Coverage } from '../../protocol/search.ts';

/** A share as whole percent, `34%`; `100%` only when nothing is missing, `0%` only when nothing is there. */
export function percent(share: number): string {
  const value = share >= 1 ? 100 : share <= 0 ? 0 : Math.min(99, Math.max(1, Math.round(share * 100)));
  return `${String(value)}%`;
}

/** The least complete of several folders decides, lane by lane. */
export function leastCoverage(all: readonly Coverage[]): Coverage | undefined {
  const first = all[0];
  if (first === undefined) {
    return undefined;
  }
  return all.slice(1).reduce<Coverage>((least, next) => {
    const deep = least.deep === undefined ? next.deep : Math.min(least.deep, next.deep ?? 1);
    const pending = (least.pendingFiles ?? 0) + (next.pendingFiles ?? 0);
    return {
      lexical: Math.min(least.lexical, next.lexical),
      instant: Math.min(least.instant, next.instant),
      ...(deep === undefined ? {} : { deep }),
      ...(pending === 0 ? {} : { pendingFiles: pending }),
    };
  }, first);
}

/** What is still missing, `files 60% indexed, vectors 34% complete`; undefined when nothing is. */
export function coverageSentence(coverage: Coverage | undefined): string | undefined {
  if (coverage === undefined) {
    return undefined;
  }
  const parts: string[] = [];
  if (coverage.lexical < 1) {
    parts.push(`files ${percent(coverage.lexical)} indexed`);
  }
  if (coverage.instant < 1) {
    parts.push(`vectors ${percent(coverage.instant)} complete`);
  }
  if (coverage.deep !== undefined && coverage.deep < 1) {
    parts.push(`deep vectors ${percent(coverage.deep)} complete`);
  }
  return parts.length === 0 ? undefined : parts.join(', ');
}
