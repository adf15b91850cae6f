import type { NumericData, Tensor, TensorData, TensorType } from '../../signals/tensor';
import type { ImageDeclaration } from '../../signals/image';

/** Tensors by input or output name of the model. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** What a model declares about one input or output; a dimension is a number, or the name of a free one. */
export interface TensorSpec {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly (number | string)[];
  /** Where the tenant lets this input come as an image. */
  readonly image?: ImageDeclaration;
}

export interface ModelSignature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** Element types whose data is a typed array. */
export type NumericType = Exclude<TensorType, 'string'>;

export const bytesPerElement: Readonly<Record<NumericType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1,
};

/** A typed array over memory that is already there: `offset` must be a multiple of the element size. */
export function typedView(type: NumericType, memory: ArrayBufferLike, offset: number, elements: number): NumericData {
  // Buffers of Node.js are never shared memory here; the cast only narrows ArrayBufferLike.
  const buffer = memory as ArrayBuffer;
  switch (type) {
    case 'float32':
      return new Float32Array(buffer, offset, elements);
    case 'float64':
      return new Float64Array(buffer, offset, elements);
    case 'int8':
      return new Int8Array(buffer, offset, elements);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer, offset, elements);
    case 'int16':
      return new Int16Array(buffer, offset, elements);
    case 'uint16':
    case 'float16':
      return new Uint16Array(buffer, offset, elements);
    case 'int32':
      return new Int32Array(buffer, offset, elements);
    case 'uint32':
      return new Uint32Array(buffer, offset, elements);
    case 'int64':
      return new BigInt64Array(buffer, offset, elements);
    case 'uint64':
      return new BigUint64Array(buffer, offset, elements);
  }
}

/** A zeroed typed array. */
export function emptyData(type: NumericType, elements: number): NumericData {
  return typedView(type, new ArrayBuffer(elements * bytesPerElement[type]), 0, elements);
}

/** Whether these are the elements of a `string` tensor. */
export function isTexts(data: TensorData): data is readonly string[] {
  return Array.isArray(data);
}

/** The bytes of a typed array, without a copy. */
export function bytesOf(data: NumericData): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** About how many bytes a message with this data holds. */
export function messageBytes(data: TensorData): number {
  return isTexts(data) ? data.reduce((sum, text) => sum + 2 * text.length + 8, 0) : data.byteLength;
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** "float32 [1, 1, 96, 96]", for messages. */
export function describeTensor(type: string, dims: readonly (number | string)[]): string {
  return `${type} [${dims.join(', ')}]`;
}
