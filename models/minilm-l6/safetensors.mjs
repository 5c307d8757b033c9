import { readFileSync } from 'node:fs';

/**
 * Reads the float32 tensors of a safetensors file (8 bytes header length, JSON header, raw little-endian data).
 *
 * @returns a map name -> { shape: number[], values: Float32Array }
 */
export function readSafetensors(path) {
  const file = readFileSync(path);
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerLength));
  const dataStart = file.byteOffset + 8 + headerLength;
  const tensors = new Map();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__' || entry.dtype !== 'F32') {
      continue;
    }
    const [from, to] = entry.data_offsets;
    const values = new Float32Array(file.buffer.slice(dataStart + from, dataStart + to));
    tensors.set(name, { shape: entry.shape, values });
  }
  return tensors;
}
