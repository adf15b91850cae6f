import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

// ONNX is protobuf: fields of number and wire type. Written by hand, so that tests need no Python and no download.

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

const number = (field: number, value: number): Buffer => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field: number, value: Buffer): Buffer =>
  Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);
const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value));

const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 } as const;
type ElementType = keyof typeof elementTypes;
type Dim = number | string;

function valueInfo(name: string, type: ElementType, dims: readonly Dim[]): Buffer {
  const shape = Buffer.concat(dims.map((dim) => bytes(1, typeof dim === 'number' ? number(1, dim) : text(2, dim))));
  const tensorType = Buffer.concat([number(1, elementTypes[type]), bytes(2, shape)]);
  return Buffer.concat([text(1, name), bytes(2, bytes(1, tensorType))]);
}

export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Whole numbers and lists of them: what convolutions and their like are told. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

interface Value {
  readonly name: string;
  readonly type?: ElementType;
  readonly dims: readonly Dim[];
}

export interface ModelDescription {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly weights?: Readonly<Record<string, { dims: readonly number[]; data: Float32Array }>>;
}

function attributeOf(name: string, value: number | readonly number[]): Buffer {
  // The kinds of an attribute: 2 is INT, 7 is INTS.
  if (typeof value === 'number') return Buffer.concat([text(1, name), number(3, value), number(20, 2)]);
  return Buffer.concat([text(1, name), ...value.map((item) => number(8, item)), number(20, 7)]);
}

function nodeOf({ op, inputs, output, attributes = {} }: GraphNode): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attributeOf(name, value))),
  ]);
}

function weightOf(name: string, dims: readonly number[], data: Float32Array): Buffer {
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([...dims.map((dim) => number(1, dim)), number(2, 1), text(8, name), bytes(9, raw)]);
}

/** An ONNX model, IR 8, opset 13. */
export function onnxModel({ nodes, inputs, outputs, weights = {} }: ModelDescription): Buffer {
  const graph = Buffer.concat([
    ...nodes.map((node) => bytes(1, nodeOf(node))),
    text(2, 'g'),
    ...Object.entries(weights).map(([name, { dims, data }]) => bytes(5, weightOf(name, dims, data))),
    ...inputs.map(({ name, type, dims }) => bytes(11, valueInfo(name, type ?? 'float32', dims))),
    ...outputs.map(({ name, type, dims }) => bytes(12, valueInfo(name, type ?? 'float32', dims))),
  ]);
  return Buffer.concat([number(1, 8), bytes(8, Buffer.concat([text(1, ''), number(2, 13)])), bytes(7, graph)]);
}

/** y = x + x, of the given shape: doubles what it gets. */
export function doublingModel(dims: readonly Dim[], type: ElementType = 'float32'): Buffer {
  return onnxModel({
    nodes: [{ op: 'Add', inputs: ['x', 'x'], output: 'y' }],
    inputs: [{ name: 'x', type, dims }],
    outputs: [{ name: 'y', type, dims }],
  });
}

/** sum = a + b and product = a * b: two inputs, two outputs. */
export function pairModel(size: number): Buffer {
  const dims = [1, size];
  return onnxModel({
    nodes: [
      { op: 'Add', inputs: ['a', 'b'], output: 'sum' },
      { op: 'Mul', inputs: ['a', 'b'], output: 'product' },
    ],
    inputs: [
      { name: 'a', dims },
      { name: 'b', dims },
    ],
    outputs: [
      { name: 'sum', dims },
      { name: 'product', dims },
    ],
  });
}

/** scores = x . weights: `outputs` scores of `inputs` numbers; score k is k+1 times the first number plus the rest. */
export function scoringModel(inputs: number, outputs: number): Buffer {
  const data = new Float32Array(inputs * outputs).map((_, index) => (index < outputs ? index + 1 : 1));
  return onnxModel({
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], output: 'scores' }],
    inputs: [{ name: 'x', dims: [1, inputs] }],
    outputs: [{ name: 'scores', dims: [1, outputs] }],
    weights: { w: { dims: [inputs, outputs], data } },
  });
}

/**
 * y = x . x . x ... (`depth` products of `size` x `size`): takes as long as is asked for. About 2 * size^3 * depth operations; size
 * 256 and depth 100 take about 0.1 s on one core.
 */
export function slowModel(size: number, depth: number): Buffer {
  const nodes = Array.from({ length: depth }, (_, index) => ({
    op: 'MatMul',
    inputs: [index === 0 ? 'x' : `t${index - 1}`, 'x'],
    output: index === depth - 1 ? 'y' : `t${index}`,
  }));
  const dims = [size, size];
  return onnxModel({ nodes, inputs: [{ name: 'x', dims }], outputs: [{ name: 'y', dims }] });
}

export async function writeModel(
  directory: string,
  name: string,
  model: Buffer,
): Promise<{ path: string; sha256: string }> {
  const path = join(directory, name);
  await writeFile(path, model);
  return { path, sha256: createHash('sha256').update(model).digest('hex') };
}
