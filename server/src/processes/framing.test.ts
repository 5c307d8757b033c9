import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeFrame, FrameReader } from './framing.ts';

it('puts messages together however a pipe cuts them', () => {
  const message = fc.oneof(fc.string(), fc.integer(), fc.record({ id: fc.nat(), text: fc.string({ maxLength: 200 }) }));
  fc.assert(
    fc.property(fc.array(message), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (messages, sizes) => {
      const bytes = Buffer.concat(messages.map(encodeFrame));
      const reader = new FrameReader();
      const received: unknown[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        received.push(...reader.push(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(received).toEqual(messages);
    }),
  );
});
