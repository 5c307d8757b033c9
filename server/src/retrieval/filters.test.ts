import { describe, expect, it } from 'vitest';
import { narrowed, parseQuery } from './filters.ts';

describe('filters in a query', () => {
  it('are taken out of the text', () => {
    expect(parseQuery('retry with backoff lang:ts path:src/http -path:*.test.ts kind:function')).toEqual({
      text: 'retry with backoff',
      phrases: [],
      languages: ['typescript'],
      paths: ['{src/http,src/http/**,**/src/http,**/src/http/**}'],
      excluded: ['*.test.ts'],
      kinds: ['function'],
      excludedKinds: [],
    });
    expect(parseQuery('session -kind:test').excludedKinds).toEqual(['test']);
  });

  it('take a phrase for what must occur, and look for its words too', () => {
    expect(parseQuery('where is "not found" raised')).toMatchObject({
      text: 'where is not found raised',
      phrases: ['not found'],
    });
    expect(parseQuery('the user\'s "x')).toMatchObject({ text: 'the user\'s "x', phrases: [] });
  });

  it('say which kinds there are', () => {
    expect(() => parseQuery('a kind:procedure')).toThrow(/Kinds are: function, method/u);
  });

  it('leave code, logs and addresses alone', () => {
    const code = 'const x = {\n  path:"a",\n lang:en }';
    expect(parseQuery(code)).toMatchObject({ text: code, paths: [], languages: [] });
    expect(parseQuery('https://example.org/a std::vector lang: path:')).toMatchObject({ languages: [], paths: [] });
  });

  it('narrow the filter of the call', () => {
    const parsed = parseQuery('a lang:go lang:rust -path:vendor');
    expect(narrowed({}, parsed)).toEqual({
      languages: ['go', 'rust'],
      excluded: ['{vendor,vendor/**,**/vendor,**/vendor/**}'],
    });
    expect(narrowed({ languages: ['go', 'c'] }, parsed).languages).toEqual(['go']);
    expect(narrowed({ languages: ['c'] }, parsed).languages).toEqual(['none']);
    expect(narrowed({ languages: ['c'] }, parseQuery('a'))).toEqual({ languages: ['c'] });
  });
});
