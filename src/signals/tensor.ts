import type { ImageDeclaration } from './image';

/** Element types that cross the boundary to a host. */
export const tensorTypes = [
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
  'string',
] as const;
export type TensorType = (typeof tensorTypes)[number];

export type NumericData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/**
 * Elements in row order. `bool` is a Uint8Array of 0 and 1; `float16` is a Uint16Array of its bits on the way to a model and
 * back, and a Float32Array of its numbers in answers.
 */
export type TensorData = NumericData | readonly string[];

/** How the host makes the tensor that the model takes out of an image. */
export interface ImageEncoding {
  readonly declaration: ImageDeclaration;
  /** `file` is a JPEG, PNG, ... that has to be decoded; `pixels` are the declared size, by rows, channels together. */
  readonly form: 'file' | 'pixels';
}

export interface Tensor {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorData;
  /** Where the data is the bytes of an image, from which the host makes the tensor of this type and these dimensions. */
  readonly image?: ImageEncoding;
}
