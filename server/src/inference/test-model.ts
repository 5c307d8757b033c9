/** For tests: small models of our own making, described as a user describes one. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { elementType, GraphWriter } from '../../../models/minilm-l6/onnx-writer.mjs';

const tokenizer = fileURLToPath(new URL('../../../models/minilm-l6/tokenizer.json', import.meta.url));
const vocabulary = 30_522;
/** Their ids in that vocabulary. */
const readLineFile = [3191, 2240, 5371];

export interface SmallModelOptions {
  id?: string;
  dimension?: number;
  /** What the description says, where it is to be wrong. */
  described?: Record<string, unknown>;
  /** All vectors alike: a model that knows nothing. */
  blind?: boolean;
}

/**
 * An embedding model that knows words by a random vector each, passed through one matrix: texts with words in common are
 * near each other.
 *
 * @returns path of the description, beside which the files lie
 */
export async function writeSmallModel(folder: string, options: SmallModelOptions = {}): Promise<string> {
  const { id = 'small', dimension = 32, blind = false, described = {} } = options;
  const graph = new GraphWriter();
  const next = randomNumbers();
  const table = Float32Array.from({ length: vocabulary * dimension }, () => (blind ? 1 : next()));
  const matrix = Float32Array.from({ length: dimension * dimension }, (_, i) =>
    i % (dimension + 1) === 0 ? 1 : next() / dimension,
  );
  const words = graph.node('Gather', [graph.floats('words', [vocabulary, dimension], table), 'input_ids']);
  const mixed = graph.node('MatMul', [words, graph.floats('mix', [dimension, dimension], matrix)]);
  graph.node('Identity', [mixed], {}, { output: 'last_hidden_state' });
  graph.output('last_hidden_state', elementType.float32, ['b', 's', dimension]);
  await writeModel(folder, graph);
  return describe(folder, {
    id,
    kind: 'embedding',
    title: 'A small model of a test',
    licence: 'MIT',
    dimension,
    output: 'last_hidden_state',
    pooling: 'mean',
    tokenOutput: 'last_hidden_state',
    maxTokens: 64,
    ...filesOf(),
    ...described,
  });
}

/** A cross-encoder that scores a pair by how often it has the words `read`, `line` and `file`. */
export async function writeSmallReranker(folder: string, id = 'small-reranker'): Promise<string> {
  const graph = new GraphWriter();
  const scores = new Float32Array(vocabulary);
  for (const id of readLineFile) scores[id] = 1;
  const words = graph.node('Gather', [graph.floats('words', [vocabulary, 1], scores), 'input_ids']);
  graph.node('ReduceSum', [words, graph.integers('axis', [1])], { keepdims: 0 }, { output: 'logits' });
  graph.output('logits', elementType.float32, ['b', 1]);
  await writeModel(folder, graph);
  const about = { id, kind: 'reranker', title: 'A reranker of a test', licence: 'MIT' };
  return describe(folder, { ...about, output: 'logits', maxTokens: 64, ...filesOf() });
}

function filesOf(): object {
  return {
    tokenizer: { name: 'tokenizer.json' },
    weights: { fp32: [{ name: 'model.onnx' }] },
    precision: { cpu: 'fp32', gpu: 'fp32' },
  };
}

async function writeModel(folder: string, graph: GraphWriter): Promise<void> {
  graph.input('input_ids', elementType.int64, ['b', 's']);
  graph.input('attention_mask', elementType.int64, ['b', 's']);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.onnx'), graph.toBuffer({ producer: 'tiercel', graphName: 'test' }));
  await copyFile(tokenizer, join(folder, 'tokenizer.json'));
}

async function describe(folder: string, entry: object): Promise<string> {
  const path = join(folder, 'model.json');
  await writeFile(path, JSON.stringify(entry));
  return path;
}

/** Between -1 and 1, the same in every run. */
function randomNumbers(): () => number {
  let state = 12_345;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
