import { EcomapError } from '../signals/errors';
import { tensorTypes, type Tensor, type TensorData } from '../signals/inference';
import { quoted } from '../signals/parse';
import type { Tenant } from '../signals/tenant';
import { numbersToData } from './payload-numbers';
import { describeTensor, elementCount, type ModelSignature, type NamedTensors, type TensorSpec } from './tensors';

type InputDeclaration = Tenant['input'];

/** Beyond this many elements nothing is even looked at (256 MB of float32). */
const mostElements = 64 * 1024 * 1024;
const mostAxes = 8;

function mismatch(text: string): EcomapError {
  return new EcomapError('INPUT_MISMATCH', text);
}

/** What was in the payload, in a few words and without its content. */
export function describePayload(payload: unknown): string {
  if (payload === undefined) return 'nothing (msg.payload is missing)';
  if (payload === null) return 'null';
  if (typeof payload === 'string') return `text of ${payload.length} characters`;
  if (Buffer.isBuffer(payload)) return `a Buffer of ${payload.length} bytes`;
  if (ArrayBuffer.isView(payload)) return `a ${payload.constructor.name} of ${lengthOf(payload)} elements`;
  if (Array.isArray(payload)) return `an array of ${payload.length} elements`;
  if (typeof payload === 'object') {
    const names = Object.keys(payload).slice(0, 5);
    const shown = names.map((name) => name.slice(0, 40)).join(', ');
    return `an object with ${names.length === 0 ? 'no properties' : `the properties ${shown}`}`;
  }
  return `a ${typeof payload}`;
}

function lengthOf(view: ArrayBufferView): number {
  return 'length' in view && typeof view.length === 'number' ? view.length : view.byteLength;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/**
 * The shapes a tenant's requests must have: the model's, with the tenant's declaration filled in where the model leaves a
 * dimension free.
 * @throws EcomapError INPUT_MISMATCH when the declaration contradicts the model.
 */
export function expectedInputs(declaration: InputDeclaration, signature: ModelSignature): TensorSpec[] {
  const declared = declaration.name ?? signature.inputs[0]?.name;
  if (!signature.inputs.some((spec) => spec.name === declared)) {
    const names = signature.inputs.map((spec) => spec.name).join(', ');
    throw mismatch(`The tenant declares the input "${declared}", but the model's inputs are: ${names || 'none'}.`);
  }
  return signature.inputs.map((spec) => {
    const { dims } = declaration;
    if (spec.name !== declared || dims === null) return spec;
    const fits =
      dims.length === spec.dims.length && spec.dims.every((dim, axis) => typeof dim === 'string' || dim === dims[axis]);
    if (!fits) {
      throw mismatch(
        `The tenant declares ${describeTensor(spec.type, dims)} for the input "${spec.name}", ` +
          `but the model takes ${describeTensor(spec.type, spec.dims)}.`,
      );
    }
    return { ...spec, dims };
  });
}

/**
 * Turns `msg.payload` into the model's input tensors: `{data, dims, type}`, a typed array, a flat or nested array of numbers,
 * or an object of these by input name. Sizes are compared before anything is walked. NaN and infinity pass.
 * @throws EcomapError INPUT_MISMATCH that names what was expected and what came.
 */
export function encodeInputs(payload: unknown, expected: readonly TensorSpec[]): NamedTensors {
  const [first] = expected;
  if (first === undefined) return {};
  if (!isPlainObject(payload) || 'data' in payload) {
    if (expected.length > 1) {
      const names = expected.map((spec) => spec.name).join(', ');
      throw mismatch(`The model has ${expected.length} inputs: send an object with the properties ${names}.`);
    }
    return { [first.name]: encodeTensor(payload, first) };
  }
  const unknown = Object.keys(payload).find((name) => !expected.some((spec) => spec.name === name));
  const missing = expected.find((spec) => !(spec.name in payload));
  if (unknown !== undefined || missing !== undefined) {
    throw mismatch(
      `Expected ${expected.map((spec) => `"${spec.name}": ${describeTensor(spec.type, spec.dims)}`).join('; ')}. ` +
        `Got ${describePayload(payload)}.`,
    );
  }
  return Object.fromEntries(expected.map((spec) => [spec.name, encodeTensor(payload[spec.name], spec)]));
}

function encodeTensor(value: unknown, spec: TensorSpec): Tensor {
  if (isPlainObject(value)) return encodeDescribed(value, spec);
  if (Buffer.isBuffer(value) && !(spec.type === 'uint8' && !looksLikeImage(value))) {
    throw mismatch(
      `Expected ${describeTensor(spec.type, spec.dims)}. Got ${describePayload(value)}` +
        `${looksLikeImage(value) ? ' holding a compressed image' : ''}: images are not decoded by this version. ` +
        'Send the pixels as numbers, as {data, dims, type} or a typed array.',
    );
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const count = lengthOf(value);
    const dims = resolveFlat(count, spec, value);
    return { type: spec.type, dims, data: numbersToData(value as TensorData, spec, count) };
  }
  if (Array.isArray(value)) return encodeArray(value, spec);
  throw mismatch(`Expected ${describeTensor(spec.type, spec.dims)}. Got ${describePayload(value)}.`);
}

/** `{data, dims, type}`: what is said about the data must be true. */
function encodeDescribed(value: Record<string, unknown>, spec: TensorSpec): Tensor {
  const { data, dims, type } = value;
  if (type !== undefined && type !== spec.type) {
    const known = typeof type === 'string' && (tensorTypes as readonly string[]).includes(type);
    const got = known ? `type ${type}` : `the unknown type ${quoted(type)}`;
    throw mismatch(`Expected ${describeTensor(spec.type, spec.dims)}. Got ${got}.`);
  }
  if (isPlainObject(data)) {
    throw mismatch(`Expected numbers in payload.data. Got ${describePayload(data)}.`);
  }
  if (dims === undefined || dims === null) return encodeTensor(data, spec);
  const shape = readDims(dims, spec);
  const fits =
    shape.length === spec.dims.length && spec.dims.every((dim, axis) => typeof dim === 'string' || dim === shape[axis]);
  if (!fits) {
    throw mismatch(`Expected ${describeTensor(spec.type, spec.dims)}. Got ${describeTensor(spec.type, shape)}.`);
  }
  return encodeTensor(data, { ...spec, dims: shape });
}

function readDims(dims: unknown, spec: TensorSpec): number[] {
  if (!Array.isArray(dims) || dims.length > mostAxes) {
    throw mismatch(`Expected payload.dims like [${spec.dims.join(', ')}]. Got ${describePayload(dims)}.`);
  }
  return dims.map((dim: unknown) => {
    if (typeof dim === 'number' && Number.isSafeInteger(dim) && dim > 0) return dim;
    const got = typeof dim === 'number' ? String(dim) : describePayload(dim);
    throw mismatch(`Expected whole numbers above 0 in payload.dims, like [${spec.dims.join(', ')}]. Got ${got}.`);
  });
}

/** The dimensions of `count` numbers in a row; one free dimension is computed, a free batch dimension beside it is 1. */
function resolveFlat(count: number, spec: TensorSpec, value: unknown): number[] {
  const free = spec.dims.flatMap((dim, axis) => (typeof dim === 'string' ? [axis] : []));
  const batchIsOne = free.length === 2 && free[0] === 0;
  const open = batchIsOne ? free[1] : free[0];
  if (free.length > 2 || (free.length === 2 && !batchIsOne)) {
    throw mismatch(
      `The model leaves ${free.length} dimensions of ${describeTensor(spec.type, spec.dims)} open: ` +
        'send {data, dims, type} with dims.',
    );
  }
  const fixed = elementCount(spec.dims.filter((dim) => typeof dim === 'number'));
  const rest = fixed === 0 ? 0 : count / fixed;
  const fits = count > 0 && count <= mostElements && (open === undefined ? rest === 1 : Number.isInteger(rest));
  if (!fits) {
    const wanted = open === undefined ? `${fixed} numbers` : `a multiple of ${fixed} numbers`;
    throw mismatch(`Expected ${describeTensor(spec.type, spec.dims)}: ${wanted}. Got ${describePayload(value)}.`);
  }
  return spec.dims.map((dim, axis) => (typeof dim === 'number' ? dim : axis === open ? rest : 1));
}

function encodeArray(value: readonly unknown[], spec: TensorSpec): Tensor {
  if (!Array.isArray(value[0])) {
    const dims = resolveFlat(value.length, spec, value);
    return { type: spec.type, dims, data: numbersToData(value, spec, value.length) };
  }
  const shape = nestedShape(value, spec);
  const dims = resolveNested(shape, spec);
  return { type: spec.type, dims, data: numbersToData(leavesOf(value, shape, spec), spec, elementCount(dims)) };
}

/** The shape as the first element of each level has it. */
function nestedShape(value: readonly unknown[], spec: TensorSpec): number[] {
  const shape: number[] = [];
  let level: unknown = value;
  while (Array.isArray(level)) {
    shape.push(level.length);
    if (shape.length > mostAxes || elementCount(shape) > mostElements || level.length === 0) {
      throw mismatch(
        `Expected ${describeTensor(spec.type, spec.dims)}. Got nested arrays of [${shape.slice(0, 4).join(', ')}, ...].`,
      );
    }
    level = level[0];
  }
  return shape;
}

/** Axes of length 1 do not change the order of the numbers, so nested arrays may leave them out. */
function resolveNested(shape: readonly number[], spec: TensorSpec): number[] {
  const fail = () =>
    mismatch(`Expected ${describeTensor(spec.type, spec.dims)}. Got nested arrays of [${shape.join(', ')}].`);
  if (spec.dims.every((dim) => typeof dim === 'number')) {
    const wanted = spec.dims.filter((dim) => dim !== 1);
    const got = shape.filter((dim) => dim !== 1);
    if (wanted.length !== got.length || wanted.some((dim, axis) => dim !== got[axis])) throw fail();
    return [...spec.dims];
  }
  const padded = [...new Array<number>(Math.max(0, spec.dims.length - shape.length)).fill(1), ...shape];
  const fits =
    padded.length === spec.dims.length &&
    spec.dims.every((dim, axis) => typeof dim === 'string' || dim === padded[axis]);
  if (!fits) throw fail();
  return padded;
}

/** The numbers in row order; iterative, and never more than the shape says. */
function leavesOf(value: readonly unknown[], shape: readonly number[], spec: TensorSpec): unknown[] {
  let level: unknown[] = [...value];
  for (let axis = 1; axis < shape.length; axis += 1) {
    const next: unknown[] = [];
    for (const part of level) {
      if (!Array.isArray(part) || part.length !== shape[axis]) {
        throw mismatch(
          `Expected ${describeTensor(spec.type, spec.dims)}. Got nested arrays that are not all of the same length ` +
            `(axis ${axis}: ${shape[axis]} and ${describePayload(part)}).`,
        );
      }
      for (const item of part as unknown[]) next.push(item);
    }
    level = next;
  }
  return level;
}

function looksLikeImage(bytes: Buffer): boolean {
  const head = bytes.subarray(0, 12).toString('latin1');
  return (
    head.startsWith('\xff\xd8\xff') || head.startsWith('\x89PNG') || head.startsWith('GIF8') || head.includes('WEBP')
  );
}
