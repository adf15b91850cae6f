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

/** A negative number is a varint of ten bytes: its two's complement in 64 bits. */
function signedVarint(value: number): Buffer {
  if (value >= 0) return varint(value);
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

const number = (field: number, value: number): Buffer => Buffer.concat([varint(field << 3), signedVarint(value)]);
const bytes = (field: number, value: Buffer): Buffer =>
  Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);
const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value));

const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
} as const;
type ElementType = keyof typeof elementTypes;
type Dim = number | string;

function valueInfo(name: string, type: ElementType, dims: readonly Dim[]): Buffer {
  const shape = Buffer.concat(dims.map((dim) => bytes(1, typeof dim === 'number' ? number(1, dim) : text(2, dim))));
  const tensorType = Buffer.concat([number(1, elementTypes[type]), bytes(2, shape)]);
  return Buffer.concat([text(1, name), bytes(2, bytes(1, tensorType))]);
}

/** An integer, integers, a text, a tensor, or a graph (a branch of If, the body of Loop). */
type AttributeValue = number | readonly number[] | string | Weight | GraphDescription;

export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string | readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly domain?: string;
}

interface Value {
  readonly name: string;
  readonly type?: ElementType;
  readonly dims: readonly Dim[];
}

interface Weight {
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array;
  /** Bool, where the data are bytes that stand for it. */
  readonly type?: ElementType;
  /** Where the data lie outside the model file, by the keys of ONNX; they are not written then. */
  readonly external?: Readonly<Record<string, string>>;
}

interface GraphDescription {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly weights?: Readonly<Record<string, Weight>>;
}

export interface ModelDescription extends GraphDescription {
  readonly opset?: number;
  /** Further operator sets by domain. */
  readonly domains?: Readonly<Record<string, number>>;
}

function attributeOf(name: string, value: AttributeValue): Buffer {
  const typed = (type: number, ...content: Buffer[]) => Buffer.concat([text(1, name), ...content, number(20, type)]);
  if (typeof value === 'number') return typed(2, number(3, value));
  if (typeof value === 'string') return typed(3, text(4, value));
  if ('nodes' in value) return typed(5, bytes(6, graphOf(value)));
  if ('data' in value) return typed(4, bytes(5, weightOf('', value)));
  return typed(7, ...value.map((item) => number(8, item)));
}

function nodeOf({ op, inputs, output, attributes = {}, domain }: GraphNode): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => text(1, name)),
    ...[output].flat().map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attributeOf(name, value))),
    ...(domain === undefined ? [] : [text(7, domain)]),
  ]);
}

function elementTypeOf(data: Weight['data']): ElementType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof BigInt64Array) return 'int64';
  return data instanceof Int32Array ? 'int32' : 'uint8';
}

function weightOf(name: string, { dims, data, type, external }: Weight): Buffer {
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const header = [...dims.map((dim) => number(1, dim)), number(2, elementTypes[type ?? elementTypeOf(data)])];
  if (external === undefined) return Buffer.concat([...header, text(8, name), bytes(9, raw)]);
  const place = Object.entries(external).map(([key, value]) =>
    bytes(13, Buffer.concat([text(1, key), text(2, value)])),
  );
  return Buffer.concat([...header, text(8, name), ...place, number(14, 1)]);
}

function graphOf({ nodes, inputs, outputs, weights = {} }: GraphDescription): Buffer {
  return Buffer.concat([
    ...nodes.map((node) => bytes(1, nodeOf(node))),
    text(2, 'g'),
    ...Object.entries(weights).map(([name, weight]) => bytes(5, weightOf(name, weight))),
    ...inputs.map(({ name, type, dims }) => bytes(11, valueInfo(name, type ?? 'float32', dims))),
    ...outputs.map(({ name, type, dims }) => bytes(12, valueInfo(name, type ?? 'float32', dims))),
  ]);
}

/** An ONNX model, IR 8, opset 13 unless told otherwise. */
export function onnxModel({ opset = 13, domains = {}, ...graph }: ModelDescription): Buffer {
  const opsets = Object.entries({ '': opset, ...domains }).map(([domain, version]) =>
    bytes(8, Buffer.concat([text(1, domain), number(2, version)])),
  );
  return Buffer.concat([number(1, 8), ...opsets, bytes(7, graphOf(graph))]);
}

/** y = x + x, of the given shape: doubles what it gets. */
export function doublingModel(dims: readonly Dim[], type: ElementType = 'float32'): Buffer {
  return onnxModel({
    nodes: [{ op: 'Add', inputs: ['x', 'x'], output: 'y' }],
    inputs: [{ name: 'x', type, dims }],
    outputs: [{ name: 'y', type, dims }],
  });
}

/** y = x, of any type and shape. */
export function identityModel(dims: readonly Dim[], type: ElementType = 'float32'): Buffer {
  return onnxModel({
    nodes: [{ op: 'Identity', inputs: ['x'], output: 'y' }],
    inputs: [{ name: 'x', type, dims }],
    outputs: [{ name: 'y', type, dims }],
  });
}

/** y = x in another type. */
export function castModel(dims: readonly Dim[], from: ElementType, to: ElementType): Buffer {
  return onnxModel({
    nodes: [{ op: 'Cast', inputs: ['x'], output: 'y', attributes: { to: elementTypes[to] } }],
    inputs: [{ name: 'x', type: from, dims }],
    outputs: [{ name: 'y', type: to, dims }],
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

/**
 * y = x + 1/256, for one number, by `depth` products of 256 x 256: takes as long as is asked for (depth 100: about 0.1 s on one
 * core), whereas its request and its answer weigh nothing.
 */
export function slowNumberModel(depth: number): Buffer {
  const size = 256;
  // Every row adds up to 1: the products leave the numbers as they are.
  const w = { dims: [size, size], data: new Float32Array(size * size).fill(1 / size) };
  const products = Array.from({ length: depth }, (_, index) => ({
    op: 'MatMul',
    inputs: [`t${index}`, 'w'],
    output: `t${index + 1}`,
  }));
  const mean = { op: 'ReduceMean', inputs: [`t${depth}`], output: 'y' };
  return onnxModel({
    nodes: [{ op: 'Add', inputs: ['x', 'w'], output: 't0' }, ...products, mean],
    inputs: [{ name: 'x', dims: [1, 1] }],
    outputs: [{ name: 'y', dims: [1, 1] }],
    weights: { w },
  });
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
