import { Random } from '../random.ts';
import { blockRows, type Dataset } from './dataset.ts';

/** What makes a mixture. The same options give the same vectors, on every machine. */
export interface MixtureOptions {
  count: number;
  dimension: number;
  queries: number;
  seed: number;
}

const topics = 256;
const clusters = 4096;
const outliers = 4;
/** Streams of random numbers: a row has its number as its stream; what all rows share is drawn under another seed. */
const sharedSeed = 0x5bd1e995;
const queryStreams = 0x80000000;
const topicStreams = 1_000_000;
const spectrumStream = 2_000_000;

/** What the rows of a mixture share. Vectors of `dimension` components, one after the other. */
interface Mixture {
  /** Standard deviation of a component; the squares add up to 1. */
  spread: Float32Array;
  /** Mean, topic and own offset of a cluster, added up. */
  centres: Float32Array;
  /** Length of the noise around a centre. */
  radii: Float32Array;
  /** Share of the rows up to and including this cluster. */
  cumulative: Float64Array;
}

/**
 * Vectors with what embeddings have and random ones lack: clusters of very different size and width, a spectrum that
 * falls off, a few components that are much larger than the rest, and a mean far from zero. Recipe, for dimension d:
 *
 * 1. `order`: a random permutation of the components. `spread[order[i]]` is in proportion to `(1 + i / 10)^-0.6`, scaled so
 *    that the squares add up to 1; `flat` is the same with exponent -0.3.
 * 2. `mean`: `0.5 flat[j] z`. The four components `order[d-1] … order[d-4]` are outliers: their mean is `±5 / sqrt(d)`
 *    and their spread `3 / sqrt(d)`.
 * 3. 256 topics: `0.6 flat[j] z`. 4,096 clusters: cluster c belongs to topic `c mod 256`, lies at
 *    `mean + topic + 0.45 flat[j] z`, has weight `(c + 8)^-0.9` and radius `0.5 exp(0.35 z)`.
 * 4. A row: its cluster by weight; radius twice as large for one row in sixteen; `centre + radius spread[j] z`, brought
 *    to length 1.
 *
 * `z` is drawn afresh each time it is named, about normal. Queries are rows of streams that no base row has.
 */
export function mixtureDataset(options: MixtureOptions): Dataset {
  const { count, dimension, seed } = options;
  const mixture = makeMixture(dimension, seed);
  const random = new Random(0, 0);
  const fill = (stream: number, row: Float32Array): void => {
    random.restart(seed, stream);
    drawRow(mixture, random, row);
  };
  const queries = new Float32Array(options.queries * dimension);
  for (let query = 0; query < options.queries; query++) {
    fill(queryStreams + query, queries.subarray(query * dimension, (query + 1) * dimension));
  }
  return {
    id: `mixture-${count}x${dimension}-s${seed}`,
    label: `seeded mixture, ${dimension}-d`,
    dimension,
    count,
    queries,
    *blocks() {
      for (let start = 0; start < count; start += blockRows) {
        const rows = Math.min(blockRows, count - start);
        const vectors = new Float32Array(rows * dimension);
        for (let row = 0; row < rows; row++) {
          fill(start + row, vectors.subarray(row * dimension, (row + 1) * dimension));
        }
        yield { start, vectors };
      }
    },
  };
}

function makeMixture(dimension: number, seed: number): Mixture {
  const shared = (stream: number): Random => new Random(seed ^ sharedSeed, stream);
  const random = shared(spectrumStream);
  const order = permutation(dimension, random);
  const spread = spectrum(order, 0.6);
  const flat = spectrum(order, 0.3);
  const mean = flat.map((deviation) => 0.5 * deviation * random.normal());
  for (const component of order.slice(-outliers)) {
    mean[component] = (random.bits() % 2 === 0 ? 5 : -5) / Math.sqrt(dimension);
    spread[component] = 3 / Math.sqrt(dimension);
  }
  const topicOffsets = Array.from({ length: topics }, (_, topic) => {
    const own = shared(topicStreams + topic);
    return flat.map((deviation) => 0.6 * deviation * own.normal());
  });
  const centres = new Float32Array(clusters * dimension);
  const radii = new Float32Array(clusters);
  const cumulative = new Float64Array(clusters);
  let total = 0;
  for (let cluster = 0; cluster < clusters; cluster++) {
    const own = shared(cluster);
    const topic = topicOffsets[cluster % topics] ?? flat;
    const centre = centres.subarray(cluster * dimension, (cluster + 1) * dimension);
    own.fillNormal(centre);
    for (let j = 0; j < dimension; j++) centre[j] = at(mean, j) + at(topic, j) + 0.45 * at(flat, j) * at(centre, j);
    radii[cluster] = 0.5 * Math.exp(0.35 * own.normal());
    total += (cluster + 8) ** -0.9;
    cumulative[cluster] = total;
  }
  return { spread, centres, radii, cumulative: cumulative.map((sum) => sum / total) };
}

function drawRow(mixture: Mixture, random: Random, row: Float32Array): void {
  const { spread, centres, radii, cumulative } = mixture;
  const cluster = firstAbove(cumulative, random.uniform());
  const radius = at(radii, cluster) * (random.bits() % 16 === 0 ? 2 : 1);
  const offset = cluster * row.length;
  let squares = 0;
  random.fillNormal(row);
  for (let j = 0; j < row.length; j++) {
    const value = at(centres, offset + j) + radius * at(spread, j) * at(row, j);
    row[j] = value;
    squares += value * value;
  }
  const scale = 1 / Math.sqrt(squares);
  for (let j = 0; j < row.length; j++) row[j] = at(row, j) * scale;
}

function spectrum(order: Uint32Array, exponent: number): Float32Array {
  const values = new Float32Array(order.length);
  let squares = 0;
  for (const [rank, component] of order.entries()) {
    const value = (1 + rank / 10) ** -exponent;
    values[component] = value;
    squares += value * value;
  }
  return values.map((value) => value / Math.sqrt(squares));
}

/** Fisher and Yates. */
function permutation(length: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = random.bits() % (last + 1);
    const moved = at(order, last);
    order[last] = at(order, other);
    order[other] = moved;
  }
  return order;
}

function firstAbove(cumulative: Float64Array, share: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(cumulative, middle) > share) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** An element that is known to be there, which the compiler is not. */
function at(values: Float32Array | Float64Array | Uint32Array, index: number): number {
  return values[index] ?? 0;
}
