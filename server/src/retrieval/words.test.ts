import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { shareOf, splitWords, stemOf, stemsOf, tellingStems } from './words.ts';

describe('words that are compared', () => {
  it('lose their endings, and words of one family meet', () => {
    for (const family of [
      ['register', 'registers', 'registered', 'registering'],
      ['route', 'routes', 'routing'],
      ['parser', 'parsers', 'parse', 'parsed', 'parsing'],
      ['query', 'queries'],
      ['match', 'matches', 'matching', 'matcher'],
    ]) {
      expect(new Set(family.map(stemOf)).size, family.join(' ')).toBe(1);
    }
    expect(stemOf('classes')).toBe(stemOf('class'));
    expect(stemOf('is')).toBe('is');
  });

  it('are cut at case, digits and marks, each once', () => {
    expect(stemsOf('parseHTTPBody2 parse_body')).toEqual(['pars', 'http', 'body', '2']);
  });

  it('are cut alike in ASCII and beside other scripts', () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'Q', 'Z', '9', '_', '.', ' '), maxLength: 24 });
    fc.assert(
      fc.property(texts, (text) => {
        expect(splitWords(text)).toEqual(splitWords(`${text} ß`).slice(0, -1));
      }),
    );
  });

  it('leave out what carries no meaning, unless nothing else is there', () => {
    expect(tellingStems('how are the routes registered')).toEqual(['rout', 'regist']);
    expect(tellingStems('what is it')).toEqual(['what', 'is', 'it']);
  });

  it('share what is equal, and a part of what begins alike', () => {
    expect(shareOf(['config', 'load'], ['configur', 'load'])).toBeCloseTo(0.85);
    expect(shareOf([], ['a'])).toBe(0);
    expect(shareOf(['io'], ['iota'])).toBe(0);
  });
});
