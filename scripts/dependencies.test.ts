import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs', 'dependencies.md'), 'utf8');
const names = z.record(z.string(), z.string()).default({});
const manifest = z.object({ dependencies: names, devDependencies: names });
const lock = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().default(false), license: z.string().default('') })),
});

function readJson(...path: string[]): unknown {
  return JSON.parse(readFileSync(join(root, ...path), 'utf8'));
}

it.each([
  ['package.json', ['package.json']],
  ['syntaxes/package.json', ['syntaxes', 'package.json']],
])('every dependency of %s has its reason in docs/dependencies.md', (_name, path) => {
  const { dependencies, devDependencies } = manifest.parse(readJson(...path));
  const all = [...Object.keys(dependencies), ...Object.keys(devDependencies)];
  expect(all.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

it.each(['base', 'codec', 'segment', 'tier', 'gpu', 'partition', 'vectors', 'engine', 'node'])(
  'every crate native/%s depends on has its reason in docs/dependencies.md',
  (crate) => {
    const text = readFileSync(join(root, 'native', crate, 'Cargo.toml'), 'utf8');
    const sections = text
      .split(/^\[/m)
      .filter((section) => /^(?:build-|dev-|target\..*\.)?dependencies\]/.test(section));
    const crates = sections.flatMap((section) =>
      [...section.matchAll(/^([\w-]+) *=(?!.*path)/gm)].map((match) => match[1]),
    );
    expect(crates.filter((name) => name !== undefined && !page.includes(`\`${name}\``))).toEqual([]);
  },
);

it('ships permissive licences only', () => {
  const permissive = /\b(?:MIT|Apache-2\.0|BSD-[23]-Clause|ISC|0BSD|BlueOak-1\.0\.0|CC0-1\.0|Zlib|Unlicense)\b/;
  const { packages } = lock.parse(readJson('package-lock.json'));
  const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);
  expect(shipped.filter(([, { license }]) => !permissive.test(license)).map(([path]) => path)).toEqual([]);
});
