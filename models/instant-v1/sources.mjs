import { readFileSync, readdirSync, statSync } from 'node:fs';
import { extname, join, relative } from 'node:path';

const languageOfExtension = new Map(
  Object.entries({
    python: ['.py'],
    javascript: ['.js', '.mjs', '.cjs', '.jsx'],
    typescript: ['.ts', '.tsx'],
    go: ['.go'],
    rust: ['.rs'],
    java: ['.java'],
    kotlin: ['.kt'],
    scala: ['.scala'],
    c: ['.c', '.h'],
    cpp: ['.cc', '.cpp', '.hpp'],
    csharp: ['.cs'],
    ruby: ['.rb'],
    php: ['.php'],
    bash: ['.sh', '.zsh', '.bash'],
    lua: ['.lua'],
    swift: ['.swift'],
    haskell: ['.hs'],
    elixir: ['.ex', '.exs'],
    zig: ['.zig'],
  }).flatMap(([language, extensions]) => extensions.map((extension) => [extension, language])),
);

const leftOut =
  /(^|\/)(\.git|node_modules|vendor|vendored|third_party|third-party|deps|dist|build|target|fixtures?|testdata|singleheader|single_include|_vendor)(\/|$)|\.min\.|fmt\/bundled/;
const largestFile = 200_000;

/**
 * Source files below a folder, without vendored copies, fixtures, builds and minified or generated files.
 *
 * @returns an iterator of { path, language, text }
 */
export function* sourceFiles(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const language = languageOfExtension.get(extname(entry.name));
    if (
      !entry.isFile() ||
      language === undefined ||
      leftOut.test(relative(folder, path)) ||
      statSync(path).size > largestFile
    ) {
      continue;
    }
    const text = readFileSync(path, 'utf8');
    if (!/generated (by|from)|do not edit/i.test(text.slice(0, 1000))) {
      yield { path: relative(folder, path), language, text };
    }
  }
}
