/** Reads and writes `vectors.bin`; the layout is described in README.md and in the engine's `embed/file.rs`. */

const headerLength = 64;
const version = 1;

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) {
    value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  }
  return value;
});

/** CRC-32C (Castagnoli). */
export function crc32c(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc = (crc >>> 8) ^ table[(crc ^ byte) & 255];
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * @param vectors rows x dimension, weights included
 * @param vocabulary the bytes of vocab.txt
 */
export function encodeVectors(vectors, dimension, vocabulary) {
  const rows = vectors.length / dimension;
  const content = Buffer.alloc(rows * (4 + dimension));
  for (let row = 0; row < rows; row++) {
    const vector = vectors.subarray(row * dimension, (row + 1) * dimension);
    const largest = vector.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const scale = Math.fround(largest / 127);
    content.writeFloatLE(scale, row * 4);
    for (let k = 0; k < dimension; k++) {
      const code = scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(vector[k] / scale)));
      content.writeInt8(code, rows * 4 + row * dimension + k);
    }
  }
  const header = Buffer.alloc(headerLength);
  header.write('TRCLSTAT', 0, 'latin1');
  const fields = [version, headerLength, rows, dimension, crc32c(content), crc32c(vocabulary)];
  fields.forEach((value, i) => header.writeUInt32LE(value, 8 + 4 * i));
  header.writeUInt32LE(crc32c(header.subarray(0, 60)), 60);
  return Buffer.concat([header, content]);
}

/** @returns { dimension, vectors: rows x dimension } */
export function decodeVectors(file) {
  const rows = file.readUInt32LE(16);
  const dimension = file.readUInt32LE(20);
  const vectors = new Float32Array(rows * dimension);
  for (let row = 0; row < rows; row++) {
    const scale = file.readFloatLE(headerLength + row * 4);
    for (let k = 0; k < dimension; k++) {
      vectors[row * dimension + k] = scale * file.readInt8(headerLength + rows * 4 + row * dimension + k);
    }
  }
  return { dimension, vectors };
}
