/** Raw settings, as any client or command line sends them, become resolved settings here and nowhere else. */
import { availableParallelism } from 'node:os';
import { settingsSchema, type Settings } from '../../../protocol/settings.ts';

/** Settings with nothing left to decide: `parseProcesses` is the number of processes, at least one. */
export type ResolvedSettings = Readonly<Settings>;

export interface Resolution {
  settings: ResolvedSettings;
  /** A sentence per member that was wrong and fell back to its default. */
  problems: string[];
}

/** @param raw an object with the members of the settings schema; null and undefined mean none; never throws */
export function resolveSettings(raw: unknown): Resolution {
  const problems: string[] = [];
  const given: Record<string, unknown> = {};
  if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) {
    for (const [name, schema] of Object.entries(settingsSchema.shape)) {
      const value: unknown = Object.entries(raw).find(([key]) => key === name)?.[1];
      // Editors send null for a setting that has no value.
      if (value === undefined || value === null) continue;
      const parsed = schema.safeParse(value);
      if (parsed.success) given[name] = value;
      else
        problems.push(
          `The setting tiercel.${name} is ignored: ${lowerFirst(parsed.error.issues[0]?.message ?? 'it is invalid')}.`,
        );
    }
  } else if (raw !== undefined && raw !== null) {
    problems.push('The settings are ignored: they must be an object.');
  }
  const settings = settingsSchema.parse(given);
  return {
    settings: {
      ...settings,
      exclude: settings.exclude.filter((pattern) => pattern.trim() !== ''),
      parseProcesses: settings.parseProcesses === 0 ? Math.max(1, availableParallelism() - 1) : settings.parseProcesses,
    },
    problems,
  };
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
