/** Which language a file is written in, by its name, its extension, its first line, and for `.h` and `.m` by its content. */

/** Files recognised by their whole name, in lower case. */
const byName = new Map(
  Object.entries({
    dockerfile: 'dockerfile',
    containerfile: 'dockerfile',
    makefile: 'makefile',
    gnumakefile: 'makefile',
    'cmakelists.txt': 'cmake',
    'meson.build': 'meson',
    'meson_options.txt': 'meson',
    jenkinsfile: 'groovy',
    vagrantfile: 'ruby',
    gemfile: 'ruby',
    rakefile: 'ruby',
    guardfile: 'ruby',
    podfile: 'ruby',
    fastfile: 'ruby',
    brewfile: 'ruby',
    'config.ru': 'ruby',
    build: 'bazel',
    workspace: 'bazel',
    'build.bazel': 'bazel',
    'workspace.bazel': 'bazel',
    'module.bazel': 'bazel',
    buck: 'bazel',
    tiltfile: 'bazel',
    sconstruct: 'python',
    sconscript: 'python',
    wscript: 'python',
    justfile: 'just',
    '.justfile': 'just',
    procfile: 'yaml',
    '.clang-format': 'yaml',
    '.clang-tidy': 'yaml',
    '.bashrc': 'bash',
    '.bash_profile': 'bash',
    '.bash_aliases': 'bash',
    '.profile': 'bash',
    '.zshrc': 'bash',
    '.zshenv': 'bash',
    '.zprofile': 'bash',
    '.envrc': 'bash',
    pkgbuild: 'bash',
    apkbuild: 'bash',
    configure: 'bash',
    '.babelrc': 'json',
    '.eslintrc': 'json',
    '.prettierrc': 'json',
    '.swcrc': 'json',
    '.jshintrc': 'json',
    'composer.lock': 'json',
    'pipfile.lock': 'json',
    'cargo.lock': 'toml',
    'poetry.lock': 'toml',
    'uv.lock': 'toml',
    pipfile: 'toml',
    'go.mod': 'go.mod',
    'go.sum': 'go.sum',
    'go.work': 'go.mod',
    'yarn.lock': 'yaml',
    '.vimrc': 'vim',
    '.gvimrc': 'vim',
    '.emacs': 'lisp',
    'rebar.config': 'erlang',
    '.editorconfig': 'ini',
    '.gitconfig': 'ini',
    '.gitmodules': 'ini',
    '.npmrc': 'ini',
    '.pylintrc': 'ini',
    '.flake8': 'ini',
    '.env': 'properties',
    'nginx.conf': 'nginx',
    caddyfile: 'caddyfile',
    kconfig: 'kconfig',
    codeowners: 'ignore',
    '.gitattributes': 'ignore',
  }),
);

/** Extension in lower case, without the dot. The longest that fits wins: `blade.php` before `php`. */
const byExtension = new Map([
  ...all('javascript', 'js jsx mjs cjs es6 jsm'),
  ...all('typescript', 'ts tsx mts cts'),
  ...all('python', 'py pyi pyw pyx pxd pxi gyp gypi'),
  ...all('go', 'go'),
  ...all('rust', 'rs'),
  ...all('java', 'java jav'),
  ...all('c', 'c'),
  ...all('cpp', 'cc cpp cxx c++ hh hpp hxx h++ ipp inl tpp txx ixx cppm cu cuh ino metal'),
  ...all('csharp', 'cs csx cake'),
  ...all('ruby', 'rb rake gemspec ru podspec rbi jbuilder thor'),
  ...all('php', 'php php3 php4 php5 php7 phtml phps inc'),
  ...all('bash', 'sh bash zsh ksh ebuild bats command'),
  ...all('kotlin', 'kt kts ktm'),
  ...all('scala', 'scala sc sbt'),
  ...all('swift', 'swift'),
  ...all('lua', 'lua rockspec luau'),
  ...all('haskell', 'hs lhs hsc hs-boot'),
  ...all('elixir', 'ex exs'),
  ...all('zig', 'zig zon'),
  ...all('markdown', 'md markdown mdown mkd mdx mdc qmd rmd'),
  ...all('json', 'json jsonc json5 geojson webmanifest ipynb har avsc code-workspace jsonl ndjson topojson'),
  ...all('yaml', 'yaml yml cff clang-format'),
  ...all('toml', 'toml'),
  ...all('html', 'html htm xhtml shtml'),
  ...all('css', 'css'),
  ...all('scss', 'scss'),
  ...all('sass', 'sass'),
  ...all('less', 'less'),
  ...all('stylus', 'styl'),
  ...all('postcss', 'pcss postcss'),
  ...all('sql', 'sql ddl dml psql pgsql plsql pls pks pkb mysql'),
  ...all(
    'xml',
    'xml xsd xsl xslt svg plist csproj vbproj fsproj vcxproj props targets resx xaml axaml storyboard xib wsdl',
  ),
  ...all('dart', 'dart'),
  ...all('vue', 'vue'),
  ...all('svelte', 'svelte'),
  ...all('astro', 'astro'),
  ...all('proto', 'proto'),
  ...all('thrift', 'thrift'),
  ...all('graphql', 'graphql gql graphqls'),
  ...all('prisma', 'prisma'),
  ...all('objective-c', 'm'),
  ...all('objective-cpp', 'mm'),
  ...all('groovy', 'groovy gradle gvy gy gsh nf'),
  ...all('clojure', 'clj cljs cljc edn bb'),
  ...all('lisp', 'lisp lsp cl el asd emacs'),
  ...all('scheme', 'scm ss sld sps'),
  ...all('racket', 'rkt rktl rktd'),
  ...all('erlang', 'erl hrl escript xrl yrl'),
  ...all('gleam', 'gleam'),
  ...all('ocaml', 'ml mli mll mly'),
  ...all('reason', 're rei'),
  ...all('rescript', 'res resi'),
  ...all('fsharp', 'fs fsi fsx'),
  ...all('vb', 'vb vbs bas'),
  ...all('pascal', 'pas pp dpr lpr dpk'),
  ...all('perl', 'pl pm pod t perl'),
  ...all('raku', 'raku rakumod p6 pm6'),
  ...all('r', 'r rprofile'),
  ...all('julia', 'jl'),
  ...all('matlab', 'matlab mlx'),
  ...all('fortran', 'f f77 f90 f95 f03 f08 for ftn'),
  ...all('cobol', 'cob cbl cpy'),
  ...all('ada', 'adb ads'),
  ...all('d', 'd di'),
  ...all('nim', 'nim nims nimble'),
  ...all('crystal', 'cr ecr'),
  ...all('v', 'vsh'),
  ...all('odin', 'odin'),
  ...all('hare', 'ha'),
  ...all('mojo', 'mojo'),
  ...all('solidity', 'sol'),
  ...all('vyper', 'vy'),
  ...all('move', 'move'),
  ...all('cairo', 'cairo'),
  ...all('wat', 'wat wast'),
  ...all('asm', 'asm s nasm'),
  ...all('llvm', 'll'),
  ...all('verilog', 'v vh'),
  ...all('systemverilog', 'sv svh'),
  ...all('vhdl', 'vhd vhdl'),
  ...all('glsl', 'glsl vert frag geom comp tesc tese'),
  ...all('hlsl', 'hlsl fx fxh'),
  ...all('wgsl', 'wgsl'),
  ...all('shaderlab', 'shader cginc'),
  ...all('gdscript', 'gd'),
  ...all('terraform', 'tf tfvars'),
  ...all('hcl', 'hcl nomad'),
  ...all('bicep', 'bicep'),
  ...all('nix', 'nix'),
  ...all('dhall', 'dhall'),
  ...all('cue', 'cue'),
  ...all('jsonnet', 'jsonnet libsonnet'),
  ...all('rego', 'rego'),
  ...all('bazel', 'bzl bazel star'),
  ...all('cmake', 'cmake'),
  ...all('makefile', 'mk mak make'),
  ...all('meson', 'meson'),
  ...all('just', 'just'),
  ...all('dockerfile', 'dockerfile'),
  ...all('powershell', 'ps1 psm1 psd1'),
  ...all('bat', 'bat cmd'),
  ...all('fish', 'fish'),
  ...all('nushell', 'nu'),
  ...all('awk', 'awk gawk'),
  ...all('tcl', 'tcl tk'),
  ...all('vim', 'vim vimrc'),
  ...all('applescript', 'applescript'),
  ...all('autohotkey', 'ahk'),
  ...all('apex', 'cls trigger'),
  ...all('elm', 'elm'),
  ...all('purescript', 'purs'),
  ...all('idris', 'idr'),
  ...all('agda', 'agda'),
  ...all('lean', 'lean'),
  ...all('coq', 'coq'),
  ...all('haxe', 'hx'),
  ...all('coffeescript', 'coffee litcoffee'),
  ...all('livescript', 'ls'),
  ...all('handlebars', 'hbs handlebars mustache'),
  ...all('jinja', 'jinja jinja2 j2'),
  ...all('twig', 'twig'),
  ...all('liquid', 'liquid'),
  ...all('erb', 'erb rhtml'),
  ...all('haml', 'haml'),
  ...all('slim', 'slim'),
  ...all('pug', 'pug jade'),
  ...all('ejs', 'ejs'),
  ...all('razor', 'cshtml razor'),
  ...all('blade', 'blade.php'),
  ...all('heex', 'heex leex eex'),
  ...all('jsp', 'jsp jspx tag'),
  ...all('freemarker', 'ftl'),
  ...all('restructuredtext', 'rst rest'),
  ...all('asciidoc', 'adoc asciidoc asc'),
  ...all('org', 'org'),
  ...all('latex', 'tex sty ltx dtx'),
  ...all('bibtex', 'bib'),
  ...all('typst', 'typ'),
  ...all('csv', 'csv tsv'),
  ...all('ini', 'ini cfg conf inf editorconfig desktop service socket timer'),
  ...all('properties', 'properties env'),
  ...all('diff', 'diff patch'),
  ...all('plaintext', 'txt text log'),
  ...all('puppet', 'pp.puppet epp'),
  ...all('pkl', 'pkl'),
  ...all('smithy', 'smithy'),
  ...all('capnp', 'capnp'),
  ...all('flatbuffers', 'fbs'),
  ...all('plantuml', 'puml plantuml'),
  ...all('mermaid', 'mmd mermaid'),
  ...all('dot', 'dot gv'),
  ...all('cucumber', 'feature'),
  ...all('robotframework', 'robot resource'),
  ...all('stan', 'stan'),
  ...all('cypher', 'cypher cql'),
  ...all('sparql', 'sparql rq'),
  ...all('turtle', 'ttl'),
  ...all('qml', 'qml'),
  ...all('yang', 'yang'),
  ...all('asn1', 'asn1'),
  ...all('gettext', 'po pot'),
]);

const byInterpreter: [RegExp, string][] = [
  [/^(?:ba|z|k|da|a)?sh$/, 'bash'],
  [/^(?:python|pypy|uv)[\d.]*$/, 'python'],
  [/^(?:node|nodejs|bun)$/, 'javascript'],
  [/^(?:deno|ts-node|tsx)$/, 'typescript'],
  [/^(?:ruby|jruby|rake)[\d.]*$/, 'ruby'],
  [/^php[\d.]*$/, 'php'],
  [/^perl[\d.]*$/, 'perl'],
  [/^(?:lua|luajit)[\d.]*$/, 'lua'],
  [/^(?:runhaskell|runghc|stack)$/, 'haskell'],
  [/^elixir$/, 'elixir'],
  [/^escript$/, 'erlang'],
  [/^scala(?:-cli)?$/, 'scala'],
  [/^kotlin$/, 'kotlin'],
  [/^swift$/, 'swift'],
  [/^(?:Rscript|r)$/, 'r'],
  [/^julia$/, 'julia'],
  [/^groovy$/, 'groovy'],
  [/^(?:g|m)?awk$/, 'awk'],
  [/^(?:tclsh|wish|expect)[\d.]*$/, 'tcl'],
  [/^fish$/, 'fish'],
  [/^make$/, 'makefile'],
  [/^pwsh$/, 'powershell'],
];

/** Ids that hold prose or tables, where long lines are ordinary. */
const proseLanguages = new Set([
  'markdown',
  'plaintext',
  'restructuredtext',
  'asciidoc',
  'org',
  'latex',
  'csv',
  'gettext',
]);

/** True where a line of thousands of characters says nothing about how the file came to be. */
export function isProse(language: string): boolean {
  return proseLanguages.has(language);
}

/**
 * @param path with `/` between its parts
 * @param text content, or its beginning; without it the name alone decides
 * @returns a language id; `plaintext` when nothing fits
 */
export function languageOf(path: string, text = ''): string {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const named = byName.get(name);
  if (named !== undefined) return named;
  const extension = extensionLanguage(name);
  if (extension !== undefined) return refine(name, extension, text);
  if (name.startsWith('dockerfile.') || name.startsWith('containerfile.')) return 'dockerfile';
  if (name.startsWith('makefile.')) return 'makefile';
  if (/^\.\w*ignore$/.test(name)) return 'ignore';
  return interpreterLanguage(text) ?? (text.startsWith('<?xml') ? 'xml' : 'plaintext');
}

function extensionLanguage(name: string): string | undefined {
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    const language = byExtension.get(name.slice(dot + 1));
    if (language !== undefined) return language;
  }
  const template = /^(.+\.[^.]+)\.(?:in|tmpl|tpl|template|example|sample|dist|bak|orig)$/.exec(name)?.[1];
  if (template !== undefined) return extensionLanguage(template);
  return name.endsWith('.h') ? 'c' : undefined;
}

const cppSigns =
  /^\s*(?:class\s+\w|template\s*<|namespace\b|using\s+\w|public:|private:|protected:|virtual\s|#include\s*<(?:string|vector|memory|map|iostream|cstdint|functional|optional|utility|atomic|mutex|type_traits|algorithm|array)>)|\bstd::|\bconstexpr\b|\bnoexcept\b|\boverride\b/m;
const objectiveCSigns = /^\s*(?:@(?:interface|implementation|protocol|import|property|end)\b|#import\b)/m;
const matlabSigns = /^\s*(?:function\b.*[=(]|%|end\s*$|classdef\b)/m;
const perlSigns = /^\s*(?:use\s+(?:strict|warnings|v?5)|package\s+[\w:]+;|sub\s+\w+|my\s+[$@%])/m;
const prologSigns = /^\s*:-|^[a-z]\w*\(.*\)\s*:-/m;
const qtTranslation = /^\s*(?:<\?xml|<!DOCTYPE TS>)/;

/** Extensions that several languages share. */
function refine(name: string, language: string, text: string): string {
  if (text === '') return language;
  if (name.endsWith('.h')) {
    if (objectiveCSigns.test(text)) return 'objective-c';
    return cppSigns.test(text) ? 'cpp' : 'c';
  }
  if (name.endsWith('.m') && !objectiveCSigns.test(text) && matlabSigns.test(text)) return 'matlab';
  if (name.endsWith('.pl') && !perlSigns.test(text) && prologSigns.test(text)) return 'prolog';
  if (name.endsWith('.t') && !perlSigns.test(text)) return interpreterLanguage(text) ?? 'plaintext';
  if (name.endsWith('.ts') && qtTranslation.test(text)) return 'xml';
  if (name.endsWith('.cls') && /^\s*\\/m.test(text)) return 'latex';
  if (name.endsWith('.fs') && /^#version\b|\bgl_FragColor\b/m.test(text)) return 'glsl';
  return language;
}

function interpreterLanguage(text: string): string | undefined {
  const line = /^#!\s*(\S+)(?:[ \t]+(.*))?/.exec(text);
  if (line?.[1] === undefined) return undefined;
  let program = baseName(line[1]);
  if (program === 'env') {
    const words = (line[2] ?? '')
      .split(/\s+/)
      .filter((word) => word !== '' && !word.startsWith('-') && !word.includes('='));
    program = baseName(words[0] ?? '');
  }
  return byInterpreter.find(([pattern]) => pattern.test(program))?.[1];
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function all(language: string, extensions: string): [string, string][] {
  return extensions.split(' ').map((extension) => [extension, language]);
}
