import type { NumericData } from '../../signals/tensor';
import { toFloat16 } from './float16';
import { lengthOf, mismatch, typedArrayKind } from './payload-description';
import { refuseTooMany } from './payload-shapes';
import { describeTensor, emptyData, typedView, type NumericType, type TensorSpec } from './tensors';

/** The whole numbers that an integer type can hold. */
export const integerRange: Readonly<Partial<Record<NumericType, readonly [number, number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
  bool: [0, 1],
};

/** What the elements of a typed array are. */
const elementType: Readonly<Partial<Record<string, NumericType>>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Float16Array: 'float16',
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Int16Array: 'int16',
  Uint16Array: 'uint16',
  Int32Array: 'int32',
  Uint32Array: 'uint32',
  BigInt64Array: 'int64',
  BigUint64Array: 'uint64',
};

/** The memory of a typed array as one of ours, without a copy; a copy where others may write to it at any moment. */
function adopt(view: ArrayBufferView, type: NumericType): NumericData {
  const own = typedView(type, view.buffer, view.byteOffset, lengthOf(view));
  return view.buffer instanceof SharedArrayBuffer ? own.slice() : own;
}

function wrong(spec: TensorSpec, index: number, value: unknown): Error {
  const got =
    typeof value === 'number' || typeof value === 'bigint' ? String(value) : value === null ? 'null' : typeof value;
  return mismatch(
    `Expected ${describeTensor(spec.type, spec.dims)}. Element ${index} is ${got}, which is no ${spec.type} value.`,
  );
}

/** The raw bits of halves, as they are. Only where the payload says that this is what they are. */
export function bitsToData(value: unknown): NumericData | null {
  return ArrayBuffer.isView(value) && typedArrayKind(value) === 'Uint16Array' ? adopt(value, 'float16') : null;
}

/**
 * The elements as the model's type: the memory itself where it already fits, else converted where no value changes its
 * meaning. Floating point takes any number, rounded to the nearest; an integer type takes only whole numbers in its range.
 * @throws EcomapError INPUT_MISMATCH naming the first element that does not fit.
 */
export function numbersToData(values: unknown, spec: TensorSpec, type: NumericType, count: number): NumericData {
  // 0 and 1 have to be checked, so `bool` is never taken as it is.
  if (ArrayBuffer.isView(values) && elementType[typedArrayKind(values) ?? ''] === type) return adopt(values, type);
  if (ArrayBuffer.isView(values)) refuseTooMany(count, spec, values);
  const elements = values as ArrayLike<unknown>;
  const first = elements[0];
  // Before any memory is taken for an array of holes.
  if (first === undefined && count > 0) throw wrong(spec, 0, first);
  const data = emptyData(type, count);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let index = 0; index < count; index += 1) data[index] = toBigInt(elements[index], spec, index);
    return data;
  }
  const range = integerRange[type];
  for (let index = 0; index < count; index += 1) {
    const raw = elements[index];
    const value = type === 'bool' && typeof raw === 'boolean' ? Number(raw) : raw;
    if (typeof value !== 'number') throw wrong(spec, index, raw);
    if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) {
      throw wrong(spec, index, raw);
    }
    data[index] = type === 'float16' ? toFloat16(value) : value;
  }
  return data;
}

const int64Range = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const uint64Range = [0n, 2n ** 64n - 1n] as const;

function toBigInt(value: unknown, spec: TensorSpec, index: number): bigint {
  const whole =
    typeof value === 'bigint' ? value : typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : null;
  const [least, most] = spec.type === 'int64' ? int64Range : uint64Range;
  if (whole === null || whole < least || whole > most) throw wrong(spec, index, value);
  return whole;
}
