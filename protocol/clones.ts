/** Clone groups of a folder: what a client asks and what it gets. Lines are 1-based and inclusive, paths use `/`. */
import { z } from 'zod';

export const defaultCloneLines = 6;
export const defaultCloneSimilarity = 0.8;
export const defaultCloneGroups = 200;
/** Below this what is found by chance outweighs what was copied. */
export const leastCloneSimilarity = 0.6;

export const clonesParamsSchema = z.object({
  /** Absolute path of the indexed folder. */
  folder: z.string().min(1),
  /** Shorter pieces of code are left out. */
  minLines: z.int().min(2).max(1000).default(defaultCloneLines),
  /** Least share of runs of tokens that two pieces have in common. */
  similarity: z.number().min(leastCloneSimilarity).max(1).default(defaultCloneSimilarity),
  languages: z.array(z.string()).optional(),
  /** Most groups in the answer, the largest first. */
  limit: z.int().min(1).max(10_000).default(defaultCloneGroups),
  /** As in LSP: progress is reported under this token. */
  workDoneToken: z.union([z.string(), z.int()]).optional(),
});
export type ClonesParams = z.input<typeof clonesParamsSchema>;

/**
 * `identical`: all places are the same token by token but for comments; `renamed`: but for names and literals as well;
 * `near`: some tokens differ.
 */
export const cloneKinds = ['identical', 'renamed', 'near'] as const;
export type CloneKind = (typeof cloneKinds)[number];

export interface ClonePlace {
  path: string;
  startLine: number;
  endLine: number;
  /** Nested symbol path; of several neighbours the first. */
  symbol: string;
  /** To the group's first place, 0 to 1. */
  similarity: number;
}

export interface CloneGroup {
  kind: CloneKind;
  language: string;
  /** Lines of the first place. */
  lines: number;
  /** The least of its places' similarities. */
  similarity: number;
  /** At least two, by path and line. */
  places: ClonePlace[];
}

export interface ClonesResult {
  /** Those that repeat the most lines first. */
  groups: CloneGroup[];
  /** Of all groups, also those beyond `limit`: how many, and lines that repeat others. */
  found: { groups: number; repeatedLines: number };
  /** What was looked at. */
  compared: { files: number; chunks: number };
  milliseconds: number;
}
