import { describe, expect, it } from 'vitest';
import { placeSignals, unasked } from './place-signals.ts';

const asidesOf = (path: string, language = 'typescript'): string[] => unasked(placeSignals(path, language), new Set());

describe('what a path says', () => {
  it.each([
    ['tests/test_session.py', ['test']],
    ['src/router.test.ts', ['test']],
    ['src/http/__tests__/router.ts', ['test']],
    ['gson/src/test/java/com/google/gson/JsonParserTest.java', ['test']],
    ['chi/mux_test.go', ['test']],
    ['spec/models/user_spec.rb', ['test']],
    ['absl/strings/internal/cord_test.cc', ['test']],
    ['Dapper.Tests/QueryTests.cs', ['test']],
    ['examples/hello/main.go', ['example']],
    ['vendor/github.com/x/y.go', ['vendored']],
    ['third_party/zlib/inflate.c', ['vendored']],
    ['api/v1/types.pb.go', ['generated']],
    ['src/compat.py', ['compat']],
    ['src/_legacy/old.ts', ['compat']],
  ])('%s', (path, asides) => {
    expect(asidesOf(path)).toEqual(asides);
  });

  it.each([
    'src/latest.ts',
    'src/contest/router.ts',
    'src/testament.ts',
    'src/protest/attest.go',
    'src/attestation.rs',
    'src/general.ts',
    'src/inspect.py',
  ])('%s is code like any other', (path) => {
    expect(asidesOf(path)).toEqual([]);
  });

  it('is asked for or not', () => {
    expect(unasked(placeSignals('tests/a.py', 'python'), new Set(['test']))).toEqual([]);
    expect(asidesOf('README.md', 'markdown')).toEqual(['prose']);
    expect(asidesOf('a.json', 'json')).toEqual(['data']);
  });

  it('knows entries, declarations and depth', () => {
    expect(placeSignals('src/flask/__init__.py', 'python')).toMatchObject({ entry: true, depth: 2 });
    expect(placeSignals('a.h', 'c')).toMatchObject({ declarations: true, entry: false, depth: 0 });
  });
});
