/** Source files put together from a stock of definitions, so that the same text turns up again and again. */
import type { Random } from './random.ts';

const extensions = ['ts', 'py', 'go', 'md', 'rs'] as const;
const stock = 300;
const folders = ['src', 'src/core', 'lib', 'lib/deep/er', 'docs', 'test', 'größe'];

function definition(extension: string, number: number): string {
  const name = `handler${String(number)}`;
  const lines = Array.from({ length: 6 + (number % 5) }, (_, i) => `step${String((number * 7 + i) % 97)}`);
  switch (extension) {
    case 'ts':
      return `/** Does the work of ${name}. */\nexport function ${name}(input: number): number {\n${lines
        .map((line) => `  input += ${line}(input);`)
        .join('\n')}\n  return input;\n}\n\n`;
    case 'py':
      return `def ${name}(value):\n    """Does the work of ${name}."""\n${lines
        .map((line) => `    value = ${line}(value)`)
        .join('\n')}\n    return value\n\n\n`;
    case 'go':
      return `// ${name} does its work.\nfunc ${name}(value int) int {\n${lines
        .map((line) => `\tvalue = ${line}(value)`)
        .join('\n')}\n\treturn value\n}\n\n`;
    case 'rs':
      return `/// Does the work of ${name}.\nfn ${name}(mut value: u32) -> u32 {\n${lines
        .map((line) => `    value = ${line}(value);`)
        .join('\n')}\n    value\n}\n\n`;
    default:
      return `## About ${name}\n\nIt uses ${lines.join(', ')}.\n\n`;
  }
}

function extensionOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

export function randomPath(random: Random): string {
  const name = `file${String(random.below(60))}.${random.pick(extensions) ?? 'ts'}`;
  return `${random.pick(folders) ?? 'src'}/${name}`;
}

/** @param path decides the language */
export function randomText(random: Random, path: string): string {
  if (random.chance(0.03)) return '';
  if (random.chance(0.02)) return `\0${String(random.below(1000))}`;
  const count = 1 + random.below(4);
  const head = extensionOf(path) === 'go' ? 'package main\n\n' : '';
  return head + Array.from({ length: count }, () => definition(extensionOf(path), random.below(stock))).join('');
}

/** Another text for the file, which keeps most of it. */
export function changedText(random: Random, path: string, text: string): string {
  const added = definition(extensionOf(path), random.below(stock));
  return random.chance(0.5) ? text + added : `${text}${added}`.slice(-4000);
}
