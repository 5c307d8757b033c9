/** Bytes to text: which encoding, or why none. */
import { isUtf8 } from 'node:buffer';

export type Decoded = { text: string } | { reason: 'binary' | 'not-text'; detail: string };

/**
 * UTF-8 (a byte order mark is dropped), UTF-16 with a byte order mark, and what looks like Windows-1252: mostly ASCII,
 * hardly any control characters.
 */
export function decode(bytes: Buffer): Decoded {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decodeAs('utf-16le', bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decodeAs('utf-16be', bytes);
  const zero = bytes.indexOf(0);
  if (zero !== -1) return { reason: 'binary', detail: `a NUL byte at offset ${String(zero)}` };
  if (isUtf8(bytes)) {
    const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    const text = bytes.toString('utf8', marked ? 3 : 0);
    return controls(bytes) > bytes.length * controlShare
      ? { reason: 'binary', detail: 'mostly control characters' }
      : { text };
  }
  if (controls(bytes) > bytes.length * controlShare) return { reason: 'binary', detail: 'mostly control characters' };
  let high = 0;
  for (const byte of bytes) if (byte >= 0x80) high++;
  if (high > bytes.length * 0.3) return { reason: 'not-text', detail: 'neither UTF-8 nor a Western encoding' };
  return {
    text: bytes
      .toString('latin1')
      .replace(/[\u0080-\u009f]/g, (char) => windows1252[char.charCodeAt(0) - 0x80] ?? char),
  };
}

/** Valid UTF-8 without a byte order mark and without NUL: nothing about it needs deciding. */
export function isPlainUtf8(bytes: Buffer): boolean {
  return isUtf8(bytes) && bytes[0] !== 0xef && bytes.indexOf(0) === -1;
}

/** Bytes 0x80 to 0x9f, where Windows-1252 is not Latin-1. Node 20's own TextDecoder decodes them as Latin-1. */
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** Above this share of control characters a file is no text. Terminal recordings with their escapes stay below it. */
const controlShare = 0.1;

function decodeAs(encoding: string, bytes: Buffer): Decoded {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes('\0') ? { reason: 'binary', detail: 'NUL characters' } : { text };
  } catch {
    return { reason: 'not-text', detail: `not valid ${encoding}` };
  }
}

/** Control characters other than tab, line feed, form feed, carriage return and escape. */
function controls(bytes: Buffer): number {
  let count = 0;
  for (const byte of bytes) {
    if ((byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27) || byte === 0x7f)
      count++;
  }
  return count;
}

/**
 * Lines `start..end` (1-based, inclusive) of a text, without the others ever being cut: a snippet from the end of a large
 * file costs a scan for line feeds.
 */
export function lineRange(text: string, start: number, end: number): string[] {
  let from = 0;
  for (let line = 1; line < start; line++) {
    const feed = text.indexOf('\n', from);
    if (feed === -1) return [];
    from = feed + 1;
  }
  const lines: string[] = [];
  for (let line = Math.max(start, 1); line <= end; line++) {
    const feed = text.indexOf('\n', from);
    if (feed === -1) return [...lines, text.slice(from)];
    lines.push(text.slice(from, text[feed - 1] === '\r' ? feed - 1 : feed));
    from = feed + 1;
  }
  return lines;
}
