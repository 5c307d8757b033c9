/**
 * Makes `model.q8.onnx` and `tokenizer.json` of this folder from the original weights (see README.md for where they
 * come from):
 *
 *   node models/minilm-l6/convert.mjs ORIGINAL_FOLDER OUTPUT_FOLDER [LAYERS]
 *
 * ORIGINAL_FOLDER holds `model.safetensors`, `config.json` and `tokenizer.json` of all-MiniLM-L6-v2. The result is the
 * same byte for byte on every machine.
 *
 * The graph is written by hand instead of exported, so that every heavy operator is one that onnxruntime can place on a
 * GPU: no shape arithmetic besides one Shape and Gather, no token types (type 0 is folded into the positions), the
 * residual and its normalisation in one SkipLayerNormalization. Weights of linear layers and word embeddings are 8-bit
 * in blocks of 32 with a float scale each; activations stay float32.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GraphWriter, elementType, microsoftDomain } from './onnx-writer.mjs';
import { readSafetensors } from './safetensors.mjs';

const blockSize = 32;

/**
 * Symmetric 8-bit quantisation in blocks: q = round(w / scale) + 128 with scale = max|w| of the block / 127.
 *
 * @param weights rows x columns, row-major; columns a multiple of the block size
 * @returns { quantised: Uint8Array rows x columns, scales: Float32Array rows x blocks, blocks: per row }
 */
function quantise(weights, rows, columns) {
  const blocks = columns / blockSize;
  const quantised = new Uint8Array(rows * columns);
  const scales = new Float32Array(rows * blocks);
  for (let block = 0; block < rows * blocks; block++) {
    const start = block * blockSize;
    let largest = 0;
    for (let i = start; i < start + blockSize; i++) {
      largest = Math.max(largest, Math.abs(weights[i]));
    }
    const scale = largest / 127 || 1;
    scales[block] = scale;
    for (let i = start; i < start + blockSize; i++) {
      quantised[i] = Math.max(0, Math.min(255, Math.round(weights[i] / scale) + 128));
    }
  }
  return { quantised, scales, blocks };
}

/** Builds the encoder: word and position embeddings, the transformer's layers, mean pooling, unit length. */
class EncoderWriter {
  #graph = new GraphWriter();
  #tensors;
  #config;
  #normalisation = { epsilon: { float: 1e-12 } };

  constructor(tensors, config) {
    this.#tensors = tensors;
    this.#config = config;
  }

  write() {
    const graph = this.#graph;
    const hidden = this.#config.hidden_size;
    let state = this.#embeddings();
    const attention = this.#attentionConstants();
    for (let layer = 0; layer < this.#config.num_hidden_layers; layer++) {
      state = this.#layer(state, layer, attention);
    }
    graph.node('Identity', [state], {}, { output: 'last_hidden_state' });
    graph.output('last_hidden_state', elementType.float32, ['b', 's', hidden]);
    this.#pooling();
    graph.output('sentence_embedding', elementType.float32, ['b', hidden]);
    graph.input('input_ids', elementType.int64, ['b', 's']);
    graph.input('attention_mask', elementType.int64, ['b', 's']);
    return graph.toBuffer({ producer: 'tiercel', graphName: 'bert' });
  }

  #tensor(name) {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      throw new Error(`model.safetensors has no tensor ${name}`);
    }
    return tensor;
  }

  #embeddings() {
    const graph = this.#graph;
    const hidden = this.#config.hidden_size;
    const words = this.#tensor('embeddings.word_embeddings.weight');
    const vocabulary = words.shape[0];
    const { quantised, scales, blocks } = quantise(words.values, vocabulary, hidden);
    const wordState = graph.node(
      'GatherBlockQuantized',
      [
        graph.constant('emb.q', [vocabulary, hidden], elementType.uint8, quantised),
        'input_ids',
        graph.floats('emb.s', [vocabulary, blocks], scales),
      ],
      { gather_axis: 0, quantize_axis: 1, block_size: blockSize, bits: 8 },
      { domain: microsoftDomain },
    );

    const positions = this.#tensor('embeddings.position_embeddings.weight');
    const firstType = this.#tensor('embeddings.token_type_embeddings.weight').values.subarray(0, hidden);
    const positionValues = positions.values.map((value, i) => value + firstType[i % hidden]);
    const shape = graph.node('Shape', ['input_ids']);
    const length = graph.node('Gather', [shape, graph.integers('c1', [1])]);
    const positionState = graph.node('Slice', [
      graph.floats('pos', positions.shape, positionValues),
      graph.integers('c0', [0]),
      length,
      graph.integers('ax0', [0]),
    ]);
    const sum = graph.node('Add', [wordState, positionState]);
    return graph.node('LayerNormalization', [sum, ...this.#normalisationWeights('embeddings.LayerNorm')], {
      axis: -1,
      ...this.#normalisation,
    });
  }

  /** The mask as an addend (0 or -10,000) and the shapes and scale that every layer shares. */
  #attentionConstants() {
    const graph = this.#graph;
    const { hidden_size: hidden, num_attention_heads: heads } = this.#config;
    const headSize = hidden / heads;
    const mask = graph.node('Cast', ['attention_mask'], { to: elementType.float32 });
    const broadcast = graph.node('Unsqueeze', [mask, graph.integers('ax12', [1, 2])]);
    const inverted = graph.node('Sub', [broadcast, graph.floats('one', [], [1])]);
    const bias = graph.node('Mul', [inverted, graph.floats('big', [], [10_000])]);
    return {
      bias,
      splitShape: graph.integers('s4', [0, 0, heads, headSize]),
      joinShape: graph.integers('s3', [0, 0, hidden]),
      scale: graph.floats('inv', [], [1 / Math.sqrt(headSize)]),
    };
  }

  #layer(input, index, { bias, splitShape, joinShape, scale }) {
    const graph = this.#graph;
    const weights = `encoder.layer.${index}`;
    const short = `l${index}`;
    const headsOf = (part, perm) => {
      const projected = this.#linear(input, `${weights}.attention.self.${part}`, `${short}.${part}`);
      return graph.node('Transpose', [graph.node('Reshape', [projected, splitShape])], { perm });
    };
    const query = headsOf('query', [0, 2, 1, 3]);
    const key = headsOf('key', [0, 2, 3, 1]);
    const value = headsOf('value', [0, 2, 1, 3]);
    const scores = graph.node('Mul', [graph.node('MatMul', [query, key]), scale]);
    const attention = graph.node('Softmax', [graph.node('Add', [scores, bias])], { axis: -1 });
    const context = graph.node('Transpose', [graph.node('MatMul', [attention, value])], { perm: [0, 2, 1, 3] });
    const joined = graph.node('Reshape', [context, joinShape]);

    const attended = this.#linear(joined, `${weights}.attention.output.dense`, `${short}.o`);
    const middle = this.#addAndNormalise(attended, input, `${weights}.attention.output.LayerNorm`);
    const widened = this.#linear(middle, `${weights}.intermediate.dense`, `${short}.f1`);
    const activated = graph.node('Gelu', [widened], {}, { domain: microsoftDomain });
    const narrowed = this.#linear(activated, `${weights}.output.dense`, `${short}.f2`);
    return this.#addAndNormalise(narrowed, middle, `${weights}.output.LayerNorm`);
  }

  #linear(input, weightsName, short) {
    const graph = this.#graph;
    const { shape, values } = this.#tensor(`${weightsName}.weight`);
    const [outputs, inputs] = shape;
    const { quantised, scales, blocks } = quantise(values, outputs, inputs);
    const product = graph.node(
      'MatMulNBits',
      [
        input,
        graph.constant(`${short}.q`, [outputs, blocks, blockSize], elementType.uint8, quantised),
        graph.floats(`${short}.s`, [outputs * blocks], scales),
      ],
      { K: inputs, N: outputs, bits: 8, block_size: blockSize, accuracy_level: 4 },
      { domain: microsoftDomain, output: `${short}.mm` },
    );
    const bias = graph.floats(`${short}.b`, [outputs], this.#tensor(`${weightsName}.bias`).values);
    return graph.node('Add', [product, bias]);
  }

  #addAndNormalise(state, residual, weightsName) {
    const inputs = [state, residual, ...this.#normalisationWeights(weightsName)];
    return this.#graph.node('SkipLayerNormalization', inputs, this.#normalisation, { domain: microsoftDomain });
  }

  #normalisationWeights(name) {
    const size = [this.#config.hidden_size];
    return [
      this.#graph.floats(`${name}.g`, size, this.#tensor(`${name}.weight`).values),
      this.#graph.floats(`${name}.be`, size, this.#tensor(`${name}.bias`).values),
    ];
  }

  /** Mean over the tokens of the mask, then unit length. */
  #pooling() {
    const graph = this.#graph;
    const cast = graph.node('Cast', ['attention_mask'], { to: elementType.float32 });
    const mask = graph.node('Unsqueeze', [cast, graph.integers('ax2', [2])]);
    const tokenAxis = graph.integers('ax1', [1]);
    const masked = graph.node('Mul', ['last_hidden_state', mask]);
    const total = graph.node('ReduceSum', [masked, tokenAxis], { keepdims: 0 });
    const count = graph.node('ReduceSum', [mask, tokenAxis], { keepdims: 0 });
    const mean = graph.node('Div', [total, count]);
    const squares = graph.node('Mul', [mean, mean]);
    const squareSum = graph.node('ReduceSum', [squares, graph.integers('axm', [-1])], { keepdims: 1 });
    graph.node('Div', [mean, graph.node('Sqrt', [squareSum])], {}, { output: 'sentence_embedding' });
  }
}

const [originalFolder, outputFolder, layers] = process.argv.slice(2);
if (originalFolder === undefined || outputFolder === undefined) {
  console.error('usage: node convert.mjs ORIGINAL_FOLDER OUTPUT_FOLDER [LAYERS]');
  process.exit(2);
}
mkdirSync(outputFolder, { recursive: true });
const config = JSON.parse(readFileSync(join(originalFolder, 'config.json'), 'utf8'));
// A part of the model computes nonsense, but on a GPU in software it does so in seconds.
if (layers !== undefined) config.num_hidden_layers = Number(layers);
const tensors = readSafetensors(join(originalFolder, 'model.safetensors'));
writeFileSync(join(outputFolder, 'model.q8.onnx'), new EncoderWriter(tensors, config).write());

// The original bakes in 128 tokens, always padded; Tiercel cuts and pads per batch. Edited as text, because parsing would
// move the vocabulary's integer-like keys to the front.
const tokenizer = readFileSync(join(originalFolder, 'tokenizer.json'), 'utf8')
  .replace(/"truncation":\{[^{}]*\}/, '"truncation":null')
  .replace(/"padding":\{"strategy":\{[^{}]*\}[^{}]*\}/, '"padding":null');
writeFileSync(join(outputFolder, 'tokenizer.json'), tokenizer);
