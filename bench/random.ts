/**
 * Random numbers that are the same everywhere and can be had for any stream without those before it: xorshift128
 * (Marsaglia, "Xorshift RNGs", Journal of Statistical Software, 2003), seeded per stream by the finaliser of
 * MurmurHash3. 32-bit integer arithmetic only, so that a twin in another language is a few lines.
 */
export class Random {
  #x = 0;
  #y = 0;
  #z = 0;
  #w = 0;

  constructor(seed: number, stream: number) {
    this.restart(seed, stream);
  }

  /** Makes this the generator of another stream. */
  restart(seed: number, stream: number): void {
    const base = mix((seed >>> 0) ^ mix((stream >>> 0) + 0x9e3779b9));
    this.#x = mix(base + 1);
    this.#y = mix(base + 2);
    this.#z = mix(base + 3);
    // All four zero would stay zero.
    this.#w = mix(base + 4) | 1;
  }

  /** @returns an integer from 0 to 2^32 - 1 */
  bits(): number {
    const t = this.#x ^ (this.#x << 11);
    this.#x = this.#y;
    this.#y = this.#z;
    this.#z = this.#w;
    this.#w ^= (this.#w >>> 19) ^ t ^ (t >>> 8);
    return this.#w >>> 0;
  }

  /** @returns from 0 up to, not including, 1 */
  uniform(): number {
    return this.bits() / 4294967296;
  }

  /** @returns about normal, mean 0, variance 1: the sum of the four bytes of one draw, within 3.5 either side */
  normal(): number {
    const bits = this.bits();
    return ((bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24) - 510) / 147.8;
  }

  /** The same as calling `normal` for each element, several times as fast. */
  fillNormal(target: Float32Array): void {
    let x = this.#x;
    let y = this.#y;
    let z = this.#z;
    let w = this.#w;
    for (let index = 0; index < target.length; index++) {
      const t = x ^ (x << 11);
      x = y;
      y = z;
      z = w;
      w ^= (w >>> 19) ^ t ^ (t >>> 8);
      target[index] = ((w & 255) + ((w >>> 8) & 255) + ((w >>> 16) & 255) + (w >>> 24) - 510) / 147.8;
    }
    this.#x = x;
    this.#y = y;
    this.#z = z;
    this.#w = w;
  }
}

function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
