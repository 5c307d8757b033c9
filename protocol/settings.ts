/** The settings a user can change, as VS Code's `tiercel.*` section and the LSP initialization options carry them. */
import { z } from 'zod';

export const deepModes = ['auto', 'on', 'off'] as const;
export type DeepMode = (typeof deepModes)[number];

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Raw settings: every member optional, validated, defaults filled in. Unknown members are ignored, so that an older
 * server accepts the settings of a newer client.
 */
export const settingsSchema = z.object({
  /** Glob patterns (gitignore syntax) of files left out of the index, on top of .gitignore and .ignore. */
  exclude: z.array(z.string()).default([]),
  /** The transformer lane: `auto` runs it only where a GPU passes a self-test. */
  deep: z.enum(deepModes).default('auto'),
  /** Files larger than this many bytes are reported, not indexed. */
  maxFileBytes: z
    .int()
    .min(1024)
    .max(64 * 1024 * 1024)
    .default(1024 * 1024),
  /** Parse processes; 0 means one less than the cores, at least one. */
  parseProcesses: z.int().min(0).max(64).default(0),
  logLevel: z.enum(logLevels).default('info'),
});

export type Settings = z.infer<typeof settingsSchema>;

/** Members as a client sends them. */
export type SettingsInput = z.input<typeof settingsSchema>;
