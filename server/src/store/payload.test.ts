import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { expect, test } from 'vitest';
import { decodePayload, encodePayload } from './payload.ts';

test('round trip', () => {
  fc.assert(
    fc.property(fc.record({ symbol: fc.string(), kind: fc.string(), signature: fc.string() }), (payload) => {
      expect(decodePayload(encodePayload(payload))).toEqual(payload);
    }),
  );
});

test('bytes of another shape ask for a rebuild', () => {
  for (const other of [['a', 'b'], { symbol: 'a' }, 7]) {
    expect(() => decodePayload(new Packr({ useRecords: false }).pack(other))).toThrow(
      expect.objectContaining({ code: 'RebuildIndex' }),
    );
  }
});
