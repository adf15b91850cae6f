import { isEcomapError, messageOf } from '../../signals/errors';
import { tensorTypes, type Tensor, type TensorData } from '../../signals/tensor';
import { quoted } from '../../signals/parse';
import { describePayload, lengthOf, mismatch, typedArrayKind, unexpected } from './payload-description';
import { encodeImage, imageFormat, imageFormats } from './payload-images';
import { bitsToData, numbersToData } from './payload-numbers';
import { readDims, refuseTooMany, resolveFlat, unfold } from './payload-shapes';
import { textsToData } from './payload-texts';
import { describeTensor, elementCount, type NamedTensors, type TensorSpec } from './tensors';

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** Properties of its own or of its class, but not those that every object has. */
function has(payload: object, name: string): boolean {
  return Object.hasOwn(payload, name) || (name in payload && !(name in Object.prototype));
}

/**
 * Turns `msg.payload` into the model's input tensors: `{data, dims, type}`, a typed array, a flat or nested array of numbers
 * or texts, one value, or an object of these by input name; an image where the tenant declares one. Sizes are compared before
 * anything is walked. NaN and infinity pass.
 * @throws EcomapError INPUT_MISMATCH that names what was expected and what came.
 */
export function encodeInputs(payload: unknown, expected: readonly TensorSpec[]): NamedTensors {
  try {
    return encodeAll(payload, expected);
  } catch (error) {
    if (isEcomapError(error)) throw error;
    // A property that throws when it is read, a revoked proxy: whatever it is, the payload has brought it along.
    throw mismatch(`msg.payload cannot be read: ${messageOf(error).slice(0, 200)}`, error);
  }
}

function encodeAll(payload: unknown, expected: readonly TensorSpec[]): NamedTensors {
  const [first] = expected;
  if (first === undefined) return {};
  if (!isPlainObject(payload) || has(payload, 'data')) {
    if (expected.length > 1) {
      const names = expected.map((spec) => spec.name).join(', ');
      throw mismatch(`The model has ${expected.length} inputs: send an object with the properties ${names}.`);
    }
    return Object.fromEntries([[first.name, encodeTensor(payload, first)]]);
  }
  const unknown = Object.keys(payload).find((name) => !expected.some((spec) => spec.name === name));
  const missing = expected.find((spec) => !has(payload, spec.name));
  if (unknown !== undefined || missing !== undefined) {
    throw mismatch(
      `Expected ${expected.map((spec) => `"${spec.name}": ${describeTensor(spec.type, spec.dims)}`).join('; ')}. ` +
        `Got ${describePayload(payload)}.`,
    );
  }
  return Object.fromEntries(expected.map((spec) => [spec.name, encodeTensor(payload[spec.name], spec)]));
}

function encodeTensor(value: unknown, spec: TensorSpec): Tensor {
  const image = spec.image === undefined ? null : encodeImage(bytesOfImage(value), spec, spec.image);
  if (image !== null) return image;
  if (isPlainObject(value)) return encodeDescribed(value, spec);
  if (Buffer.isBuffer(value) && (spec.type !== 'uint8' || imageFormat(value) !== null)) throw noImages(value, spec);
  if (typedArrayKind(value) !== null) {
    const count = lengthOf(value);
    const dims = resolveFlat(count, spec, value);
    return { type: spec.type, dims, data: toData(value as ArrayLike<unknown>, spec, count) };
  }
  if (Array.isArray(value)) {
    if (Array.isArray(value[0])) {
      const { dims, elements } = unfold(value, spec);
      return { type: spec.type, dims, data: toData(elements, spec, elementCount(dims)) };
    }
    const dims = resolveFlat(value.length, spec, value);
    refuseTooMany(value.length, spec, value);
    return { type: spec.type, dims, data: toData(value, spec, value.length) };
  }
  // One value for a model that takes one.
  if (spec.type === 'string' ? typeof value === 'string' : /^(number|bigint|boolean)$/.test(typeof value)) {
    return { type: spec.type, dims: resolveFlat(1, spec, value), data: toData([value], spec, 1) };
  }
  throw unexpected(spec, describePayload(value));
}

/** Bytes are an image, unless somebody tells their type or dimensions: those are numbers. */
function bytesOfImage(value: unknown): unknown {
  const isBare = isPlainObject(value) && value['dims'] === undefined && value['type'] === undefined;
  return isBare ? value['data'] : value;
}

function toData(values: ArrayLike<unknown>, spec: TensorSpec, count: number): TensorData {
  return spec.type === 'string' ? textsToData(values, spec, count) : numbersToData(values, spec, spec.type, count);
}

/** `{data, dims, type}`: what is said about the data must be true. */
function encodeDescribed(value: Record<string, unknown>, spec: TensorSpec): Tensor {
  const { data, dims, type } = value;
  if (type !== undefined && type !== spec.type) {
    const known = typeof type === 'string' && (tensorTypes as readonly string[]).includes(type);
    throw unexpected(spec, known ? `type ${type}` : `the unknown type ${quoted(type)}`);
  }
  if (isPlainObject(data)) {
    throw mismatch(`Expected numbers in payload.data. Got ${describePayload(data)}.`);
  }
  const { name } = spec;
  const shaped = {
    name,
    type: spec.type,
    dims: dims === undefined || dims === null ? spec.dims : readDims(dims, spec),
  };
  const bits = type === 'float16' ? bitsToData(data) : null;
  if (bits !== null) return { type: 'float16', dims: resolveFlat(bits.length, shaped, data), data: bits };
  return encodeTensor(data, shaped);
}

function noImages(value: Buffer, spec: TensorSpec): Error {
  const format = imageFormat(value);
  const cure =
    format === null
      ? `, which is no image either (${imageFormats}): send numbers, as {data, dims, type} or a typed array.`
      : ` that holds a ${format} image, and the tenant declares none: let its input have an image (width, height, ` +
        'channels, layout, scale, mean, deviation), or send the pixels as numbers.';
  return mismatch(`Expected ${describeTensor(spec.type, spec.dims)}. Got ${describePayload(value)}${cure}`);
}
