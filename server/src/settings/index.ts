/** Raw settings, as any client or command line sends them, become resolved settings here and nowhere else. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { settingsSchema, type Settings } from '../../../protocol/settings.ts';

/** Settings with nothing left to decide: `parseProcesses` is the number of processes, at least one. */
export type ResolvedSettings = Readonly<Settings>;

export interface Resolution {
  settings: ResolvedSettings;
  /** A sentence per member that was wrong and fell back to its default. */
  problems: string[];
}

type Group = z.ZodObject<z.core.$ZodShape>;

/** @param raw an object with the members of the settings schema; null and undefined mean none; never throws */
export function resolveSettings(raw: unknown): Resolution {
  const problems: string[] = [];
  const settings = settingsSchema.parse(valid(settingsSchema, raw, '', problems));
  return {
    settings: {
      ...settings,
      exclude: settings.exclude.filter((pattern) => pattern.trim() !== ''),
      parseProcesses: settings.parseProcesses === 0 ? Math.max(1, availableParallelism() - 1) : settings.parseProcesses,
    },
    problems,
  };
}

/** The members of `raw` that are right, groups of settings looked into; a sentence in `problems` for each that is not. */
function valid(schema: Group, raw: unknown, group: string, problems: string[]): Record<string, unknown> {
  const right: Record<string, unknown> = {};
  // Editors send null for a setting that has no value.
  if (raw === undefined || raw === null) return right;
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    const what =
      group === '' ? 'The settings are ignored: they' : `The setting tiercel.${group.slice(0, -1)} is ignored: it`;
    problems.push(`${what} must be an object.`);
    return right;
  }
  const given = new Map<string, unknown>(Object.entries(raw));
  for (const [name, member] of Object.entries(schema.shape)) {
    const value = given.get(name);
    if (value === undefined || value === null) continue;
    const members = membersOf(member);
    if (members !== undefined) {
      right[name] = valid(members, value, `${group}${name}.`, problems);
      continue;
    }
    const parsed = z.safeParse(member, value);
    if (parsed.success) right[name] = value;
    else {
      const reason = lowerFirst(parsed.error.issues[0]?.message ?? 'it is invalid');
      problems.push(`The setting tiercel.${group}${name} is ignored: ${reason}.`);
    }
  }
  return right;
}

/** The members of a group of settings; undefined for a single one. */
function membersOf(schema: z.core.$ZodType): Group | undefined {
  const inner = schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
  return inner instanceof z.ZodObject ? inner : undefined;
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
