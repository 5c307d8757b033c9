/** Which files of a repository training reads. */

export const languageOfExtension = new Map(
  Object.entries({
    python: ['.py'],
    javascript: ['.js', '.mjs', '.cjs', '.jsx'],
    typescript: ['.ts', '.tsx', '.mts'],
    go: ['.go'],
    rust: ['.rs'],
    java: ['.java'],
    kotlin: ['.kt'],
    scala: ['.scala'],
    c: ['.c', '.h'],
    cpp: ['.cc', '.cpp', '.cxx', '.hpp', '.hh'],
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
  /(?:^|\/)(?:\.git|\.github|node_modules|vendor|vendored|third_party|third-party|thirdparty|external|deps|dist|build|target|fixtures?|testdata|test-data|test_data|snapshots|__snapshots__|singleheader|single_include|_vendor|locales?|i18n)(?:\/|$)|\.min\.|[.-]bundle\.|\.pb\.|_pb2?\.|_generated\.|\.generated\.|fmt\/bundled|(?:^|\/)changelogs?[./-]|(?:^|\/)(?:changes|history|news|authors)\.(?:md|rst)$/i;

/** Whether a path names a vendored copy, a fixture, a build product or a change log. */
export function isLeftOut(path) {
  return leftOut.test(path);
}

const marks = /generated (?:by|from)|do not edit|@generated|auto-?generated/i;

/** Whether a source text says, or shows by its long lines, that no person wrote it. */
export function isGenerated(text) {
  if (text.includes('\0') || text.length / (text.split('\n').length + 1) > 200) {
    return true;
  }
  return marks.test(text.slice(0, 1000));
}
