import { describe, expect, it } from 'vitest';
import { shapeOf, Vocabulary } from './code-shape.ts';
import { tokensOf } from './code-tokens.ts';

const vocabulary = new Vocabulary();
const shape = (code: string, language = 'typescript') => shapeOf(tokensOf(code, language), vocabulary);

/** Share of one's terms that the other has too. */
function share(one: ReadonlyMap<number, number>, other: ReadonlyMap<number, number>): number {
  return [...one.keys()].filter((term) => other.has(term)).length / one.size;
}

describe('shapeOf', () => {
  it('takes what libraries call differently for the same', () => {
    const python = shape('items.append(len(text))', 'python');
    expect(shape('items.push_back(text.size())', 'cpp')).not.toEqual(python);
    expect(shape('append len', 'python')).toEqual(shape('push size', 'javascript'));
    expect(shape('toLowerCase isUpper')).toEqual(shape('to_lower is_upper', 'cpp'));
  });

  it('takes loops and conditions of all languages for the same', () => {
    expect(shape('while unless elif and', 'ruby')).toEqual(shape('for if if &&', 'go'));
  });

  it('keeps what stands together when names are others', () => {
    const one = shape('total = price * count % 7');
    const renamed = shape('a = b * c % 7');
    const other = shape('total + price; count(7)');
    expect(share(renamed, one)).toBeGreaterThan(share(renamed, other));
    expect(share(one, other)).toBeGreaterThan(0);
  });

  it('knows a number in any spelling, and not another one', () => {
    const two = shape('2');
    for (const spelling of ['2.0', '2u32', '2L']) expect(shape(spelling)).toEqual(two);
    expect(shape('0xff')).toEqual(shape('255'));
    expect(shape('3')).not.toEqual(two);
  });

  it('knows parts of names and words of strings', () => {
    const parts = shape('maxRetryDelays');
    for (const name of ['retry', 'delay', 'max_retry_delay']) expect(share(shape(name), parts)).toBeGreaterThan(0);
    expect(share(shape('"no such file"'), shape("'no such file'", 'python'))).toBe(1);
    expect(share(shape('file'), shape('"no such file"'))).toBe(1);
  });
});
