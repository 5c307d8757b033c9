import { Packr } from 'msgpackr';

const headerBytes = 4;
const packr = new Packr({ useRecords: false });

/** One message as bytes on a pipe: its length in four bytes, little endian, then msgpack. */
export function encodeFrame(message: unknown): Buffer {
  const body = packr.pack(message);
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.writeUInt32LE(body.length, 0);
  body.copy(frame, headerBytes);
  return frame;
}

/** Puts messages together from the pieces a pipe delivers. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #available = 0;

  /** @returns the messages that are complete with this piece, in order. */
  push(piece: Buffer): unknown[] {
    this.#pieces.push(piece);
    this.#available += piece.length;
    const messages: unknown[] = [];
    for (;;) {
      if (this.#available < headerBytes) return messages;
      const length = this.#gather(headerBytes).readUInt32LE(0);
      if (this.#available < headerBytes + length) return messages;
      const frame = this.#gather(headerBytes + length);
      messages.push(packr.unpack(frame.subarray(headerBytes, headerBytes + length)));
      this.#available -= headerBytes + length;
      const rest = frame.subarray(headerBytes + length);
      this.#pieces[0] = rest;
      if (rest.length === 0) this.#pieces.shift();
    }
  }

  /** The first piece, after joining as many as it takes to hold `count` bytes. */
  #gather(count: number): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && first.length >= count) return first;
    const joined = Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }
}
