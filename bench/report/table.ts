import type { Machine } from '../machine.ts';

/** When and on what something was measured. */
export function headline(date: string, machine: Machine): string {
  const instructions = machine.instructions.join(' ');
  return `${date.slice(0, 10)}, ${machine.processor}, ${machine.cores} cores (${instructions}), ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`;
}

/** Three digits, however large. */
export function figure(value: number | undefined): string {
  if (value === undefined) return '-';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** Numbers to the right, words to the left. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const numeric = head.map((_, column) => rows.every((row) => /^[-\d.,]+$/.test(row[column] ?? '-')));
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => (numeric[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) => '-'.repeat(width - 1) + (numeric[column] === true ? ':' : '-'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
