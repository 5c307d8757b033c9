/**
 * A minimal writer of ONNX models: the protobuf messages ModelProto, GraphProto, NodeProto, TensorProto and
 * ValueInfoProto of onnx.proto3, written field by field. Field numbers below are those of that file.
 */

/** Element types of TensorProto.DataType that the recipe uses. */
export const elementType = { float32: 1, uint8: 2, int64: 7 };

/** The domain of onnxruntime's own operators. */
export const microsoftDomain = 'com.microsoft';

const wireVarint = 0;
const wireBytes = 2;
const wireFixed32 = 5;

function varint(value) {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 128);
  } while (rest !== 0n);
  return Buffer.from(bytes);
}

const fieldKey = (field, wireType) => varint((field << 3) | wireType);

function integerField(field, value) {
  return Buffer.concat([fieldKey(field, wireVarint), varint(value)]);
}

function bytesField(field, content) {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([fieldKey(field, wireBytes), varint(bytes.length), bytes]);
}

function floatField(field, value) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([fieldKey(field, wireFixed32), bytes]);
}

/** A float attribute must be told from an integer one: `{ float: 1 }`. */
function attribute(name, value) {
  const parts = [bytesField(1, name)];
  if (Array.isArray(value)) {
    parts.push(...value.map((item) => integerField(8, item)), integerField(20, 7));
  } else if (typeof value === 'object') {
    parts.push(floatField(2, value.float), integerField(20, 1));
  } else {
    parts.push(integerField(3, value), integerField(20, 2));
  }
  return bytesField(5, Buffer.concat(parts));
}

/** @param dims numbers (fixed) or strings (named, variable) */
function valueInfo(name, type, dims) {
  const shape = dims.map((dim) => bytesField(1, typeof dim === 'number' ? integerField(1, dim) : bytesField(2, dim)));
  const tensor = Buffer.concat([integerField(1, type), bytesField(2, Buffer.concat(shape))]);
  return Buffer.concat([bytesField(1, name), bytesField(2, bytesField(1, tensor))]);
}

const bytesOf = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** Collects nodes and constants in the order they are added, which is the order in the file. */
export class GraphWriter {
  #nodes = [];
  #constants = [];
  #inputs = [];
  #outputs = [];
  #unnamed = 0;

  /** @returns the name, to be used as a node's input */
  constant(name, dims, type, typedArray) {
    const fields = dims.map((dim) => integerField(1, dim));
    fields.push(integerField(2, type), bytesField(8, name), bytesField(9, bytesOf(typedArray)));
    this.#constants.push(bytesField(5, Buffer.concat(fields)));
    return name;
  }

  floats(name, dims, values) {
    return this.constant(name, dims, elementType.float32, Float32Array.from(values));
  }

  integers(name, values) {
    return this.constant(name, [values.length], elementType.int64, BigInt64Array.from(values.map(BigInt)));
  }

  /** @returns the name of the node's single output */
  node(operator, inputs, attributes = {}, { domain = '', output } = {}) {
    const name = output ?? `${operator}_${this.#unnamed++}`;
    const fields = inputs.map((input) => bytesField(1, input));
    fields.push(bytesField(2, name), bytesField(3, name), bytesField(4, operator));
    fields.push(...Object.entries(attributes).map(([key, value]) => attribute(key, value)));
    if (domain !== '') {
      fields.push(bytesField(7, domain));
    }
    this.#nodes.push(bytesField(1, Buffer.concat(fields)));
    return name;
  }

  input(name, type, dims) {
    this.#inputs.push(bytesField(11, valueInfo(name, type, dims)));
  }

  output(name, type, dims) {
    this.#outputs.push(bytesField(12, valueInfo(name, type, dims)));
  }

  /** @returns the whole model: IR version 9, opset 17 */
  toBuffer({ producer, graphName }) {
    const graph = Buffer.concat([
      ...this.#nodes,
      bytesField(2, graphName),
      ...this.#constants,
      ...this.#inputs,
      ...this.#outputs,
    ]);
    const opset = (domain, version) => bytesField(8, Buffer.concat([bytesField(1, domain), integerField(2, version)]));
    return Buffer.concat([
      integerField(1, 9),
      bytesField(2, producer),
      bytesField(7, graph),
      opset('', 17),
      opset(microsoftDomain, 1),
    ]);
  }
}
