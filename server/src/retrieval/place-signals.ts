/** What a path says of a file before anything is looked for in it. */
import { asides, type Aside } from './understand.ts';

export interface PlaceSignals {
  /** 1 where the file is of that kind. */
  asides: Readonly<Record<Aside, boolean>>;
  /** A file that stands for its folder or for the whole: `__init__.py`, `index.ts`, `lib.rs`. */
  entry: boolean;
  /** A file of declarations only, beside one that defines them. */
  declarations: boolean;
  /** Folders above it. */
  depth: number;
}

const folders: Readonly<Record<Exclude<Aside, 'prose' | 'data'>, RegExp>> = {
  test: /(?:^|\/)(?:tests?|__tests__|specs?|testing|test[-_]?data|testdata|test[-_]?utils?|fixtures?|__mocks__|mocks?|benches|benchmarks?|perf|fuzz(?:ing)?|e2e|[^/]*[a-z](?:Tests?|Specs?|IT)|src\/(?:test|jvmTest|commonTest|androidTest|it)|[^/]*[-_.](?:tests?|specs?|benchmarks?))\//u,
  example:
    /(?:^|\/)(?:_?examples?|samples?|demos?|tutorials?|playgrounds?|docs?\/(?:src|snippets|code)|docs?_src|recipes|cookbook)\//iu,
  generated:
    /(?:^|\/)(?:generated|gen|__generated__|autogen)\/|\.(?:pb|generated|g|gen|designer)\.[a-z]+$|_pb2(?:_grpc)?\.py$|\.min\.(?:js|css)$/iu,
  vendored:
    /(?:^|\/)(?:vendor(?:ed)?|third[-_]?party|node_modules|deps|external|extern|_vendor|bundled|contrib\/libs)\//iu,
  compat: /(?:^|\/)_?(?:compat(?:ibility)?|legacy|deprecated|polyfills?|backports?|shims?|old)(?:\/|[-_.][^/]*$)/iu,
};
const testName =
  /(?:^|\/)(?:test_[^/]*|[^/]*(?:[-_.](?:tests?|specs?|unittests?|bench(?:mark)?s?|fuzz(?:er)?)|[a-z0-9](?:Tests?|Specs?|TestCase|Benchmarks?|IT))|conftest|tests?|[^/]*_testing|[^/]*test_(?:util|helper)s?)\.[a-z]+$/u;
const prose = new Set(['markdown', 'restructuredtext', 'asciidoc', 'plaintext', 'latex', 'org', 'html']);
const data = new Set([
  'json',
  'yaml',
  'toml',
  'xml',
  'csv',
  'ini',
  'properties',
  'ignore',
  'bazel',
  'cmake',
  'makefile',
  'meson',
  'dockerfile',
  'go.mod',
  'go.sum',
  'diff',
]);
const entryName = /(?:^|\/)(?:index|__init__|__main__|main|mod|lib|init|app|doc|package-info)\.[a-z]+$/u;

/** False for prose and for data. */
export function isCode(language: string): boolean {
  return !prose.has(language) && !data.has(language);
}

export function placeSignals(path: string, language: string): PlaceSignals {
  const aside = (kind: keyof typeof folders): boolean => folders[kind].test(path);
  return {
    asides: {
      test: aside('test') || testName.test(path),
      example: aside('example'),
      prose: prose.has(language),
      data: data.has(language),
      generated: aside('generated'),
      vendored: aside('vendored'),
      compat: aside('compat'),
    },
    entry: entryName.test(path),
    declarations: /\.(?:d\.ts|pyi|h|hh|hpp|hxx|mli|rbi)$/u.test(path),
    depth: path.split('/').length - 1,
  };
}

/** Asides of a place that the query did not ask for. */
export function unasked(place: PlaceSignals, wants: ReadonlySet<Aside>): Aside[] {
  return asides.filter((aside) => place.asides[aside] && !wants.has(aside));
}
