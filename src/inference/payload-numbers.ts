import { EcomapError } from '../signals/errors';
import type { TensorData, TensorType } from '../signals/inference';
import { describeTensor, emptyData, type TensorSpec } from './tensors';

const integerRange: Readonly<Partial<Record<TensorType, readonly [number, number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
  bool: [0, 1],
};

function isOf(type: TensorType, data: TensorData): boolean {
  switch (type) {
    case 'float32':
      return data instanceof Float32Array;
    case 'float64':
      return data instanceof Float64Array;
    case 'int8':
      return data instanceof Int8Array;
    case 'uint8':
      return data instanceof Uint8Array;
    case 'int16':
      return data instanceof Int16Array;
    case 'uint16':
      return data instanceof Uint16Array;
    case 'int32':
      return data instanceof Int32Array;
    case 'uint32':
      return data instanceof Uint32Array;
    case 'int64':
      return data instanceof BigInt64Array;
    case 'uint64':
      return data instanceof BigUint64Array;
    // 0 and 1 have to be checked.
    case 'bool':
      return false;
  }
}

function wrong(spec: TensorSpec, index: number, value: unknown): EcomapError {
  const got =
    typeof value === 'number' || typeof value === 'bigint' ? String(value) : value === null ? 'null' : typeof value;
  return new EcomapError(
    'INPUT_MISMATCH',
    `Expected ${describeTensor(spec.type, spec.dims)}. Element ${index} is ${got}, which is no ${spec.type} value.`,
  );
}

/**
 * The elements as the model's type: the array itself where it already fits, else converted where no value changes its
 * meaning. Floating point takes any number; an integer type takes only whole numbers in its range.
 * @throws EcomapError INPUT_MISMATCH naming the first element that does not fit.
 */
export function numbersToData(values: TensorData | readonly unknown[], spec: TensorSpec, count: number): TensorData {
  if (!Array.isArray(values) && isOf(spec.type, values as TensorData)) return values as TensorData;
  const data = emptyData(spec.type, count);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let index = 0; index < count; index += 1) data[index] = toBigInt(values[index], spec, index);
    return data;
  }
  const range = integerRange[spec.type];
  for (let index = 0; index < count; index += 1) {
    const raw = values[index];
    const value = spec.type === 'bool' && typeof raw === 'boolean' ? Number(raw) : raw;
    if (typeof value !== 'number') throw wrong(spec, index, raw);
    if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) {
      throw wrong(spec, index, raw);
    }
    data[index] = value;
  }
  return data;
}

function toBigInt(value: unknown, spec: TensorSpec, index: number): bigint {
  const whole =
    typeof value === 'bigint' ? value : typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : null;
  const [least, most] = spec.type === 'int64' ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
  if (whole === null || whole < least || whole > most) throw wrong(spec, index, value);
  return whole;
}
