/** `tiercel clones`: groups of code that is the same, or nearly, over a whole folder. */
import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import {
  defaultCloneLines,
  defaultCloneSimilarity,
  leastCloneSimilarity,
  type CloneGroup,
  type ClonesParams,
  type ClonesResult,
} from '../../../protocol/clones.ts';
import { methods } from '../../../protocol/methods.ts';
import type { ServerClient } from './client.ts';
import { count, ProgressLine } from './progress-bar.ts';

interface Surroundings {
  signal: AbortSignal;
  print: (text: string) => Promise<void>;
  withServer: (work: (client: ServerClient) => Promise<void>) => Promise<void>;
}

interface CloneFlags {
  minLines: number;
  similarity: number;
  language?: string[];
  limit: number;
  json?: true;
}

const workDoneToken = 'clones';

export function clonesCommand(program: Command, { signal, print, withServer }: Surroundings): void {
  program
    .command('clones')
    .description('list groups of code that was copied, whatever its names, over an indexed folder')
    .argument('<folder>')
    .option('--min-lines <n>', 'leave out pieces with fewer lines', wholeFrom(2, 1000), defaultCloneLines)
    .option('--similarity <share>', 'least share of tokens in common, 0.6 to 1', parseShare, defaultCloneSimilarity)
    .option('--language <id...>', 'only these languages')
    .option('--limit <n>', 'how many groups, the largest first', wholeFrom(1, 10_000), 20)
    .option('--json', 'print as JSON')
    .action((folder: string, flags: CloneFlags) =>
      withServer(async (client) => {
        const { minLines, similarity, language, limit } = flags;
        const params: ClonesParams = {
          folder: resolve(folder),
          minLines,
          similarity,
          limit,
          workDoneToken,
          ...(language === undefined ? {} : { languages: language }),
        };
        const line = new ProgressLine(process.stderr);
        client.onWorkDone(workDoneToken, (percentage) => {
          line.show(`Looking for clones ${String(percentage)}%`);
        });
        const result = await client.request<ClonesResult>(methods.clones, params, signal).finally(() => {
          line.clear();
        });
        await print(flags.json ? JSON.stringify(result) : renderClones(result));
      }),
    );
}

export function renderClones({ groups, found, compared, milliseconds }: ClonesResult): string {
  const seconds = (milliseconds / 1000).toFixed(1);
  const looked = `${count(compared.chunks)} pieces of ${count(compared.files)} files compared in ${seconds} s.`;
  if (groups.length === 0) return `No clones. ${looked}`;
  const shown = groups.length < found.groups ? `, the largest ${count(groups.length)} shown` : '';
  const several = found.groups === 1 ? '1 group repeats' : `${count(found.groups)} groups repeat`;
  const all = `${several} ${count(found.repeatedLines)} lines${shown}.`;
  return [...groups.map((group, at) => renderGroup(group, at + 1)), `${all} ${looked}`].join('\n');
}

function renderGroup({ kind, lines, language, similarity, places }: CloneGroup, number: number): string {
  const likeness = kind === 'near' ? `near, ${String(Math.floor(similarity * 100))}%` : kind;
  const title = `${String(number).padStart(3)}. ${String(places.length)} places, ${String(lines)} lines, ${likeness} · ${language}`;
  const rows = places.map(({ path, startLine, endLine, symbol }) =>
    `      ${path}:${String(startLine)}-${String(endLine)}  ${symbol}`.trimEnd(),
  );
  return [title, ...rows, ''].join('\n');
}

function wholeFrom(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (value.trim() === '' || !Number.isInteger(number) || number < least || number > most) {
      throw new InvalidArgumentError(`It is a whole number from ${String(least)} to ${String(most)}.`);
    }
    return number;
  };
}

function parseShare(value: string): number {
  const share = Number(value);
  if (value.trim() === '' || !(share >= leastCloneSimilarity && share <= 1)) {
    throw new InvalidArgumentError(`It is a number from ${String(leastCloneSimilarity)} to 1.`);
  }
  return share;
}
