import { elementBytes } from './element-types';
import { integerOf, integersOf, lastOf, readFields, textOf, type Field } from './wire';

/** `TensorProto`, as far as it is read here. */
export const tensorField = {
  dims: 1,
  dataType: 2,
  segment: 3,
  name: 8,
  rawData: 9,
  externalData: 13,
  dataLocation: 14,
} as const;
/** Data of a tensor whose elements are listed one by one instead of as bytes: float, int32, string, int64, double, uint64. */
const listedDataFields: readonly number[] = [4, 5, 6, 7, 10, 11];
/** `StringStringEntryProto` */
const entryField = { key: 1, value: 2 } as const;
const external = 1;

/** Where the bytes of a tensor lie outside the model file, as the file says it: not yet checked. */
export interface ExternalLocation {
  readonly location: string;
  readonly offset: number;
  /** Null: up to the end of the file. */
  readonly length: number | null;
}

/** A constant tensor of a graph: an initializer, or the value of a Constant node. */
export class OnnxTensor {
  readonly name: string;
  /** Number of ONNX's `TensorProto.DataType`. */
  readonly type: number;
  readonly dims: readonly number[];
  readonly isExternal: boolean;
  readonly fields: readonly Field[];

  constructor(bytes: Uint8Array) {
    this.fields = readFields(bytes, 'a tensor');
    this.name = textOf(lastOf(this.fields, tensorField.name));
    this.type = integerOf(lastOf(this.fields, tensorField.dataType)) ?? 0;
    this.dims = integersOf(this.fields, tensorField.dims);
    this.isExternal = integerOf(lastOf(this.fields, tensorField.dataLocation)) === external;
  }

  /** Number of elements; a scalar has one. */
  get elements(): number {
    return this.dims.reduce((product, dim) => product * dim, 1);
  }

  /** Bytes of the elements by type and shape, wherever they lie; null for strings and unknown types. */
  get bytes(): number | null {
    return elementBytes(this.type, this.elements);
  }

  /** A view of the elements as little-endian bytes, or null when they are listed one by one or lie outside. */
  get rawData(): Uint8Array | null {
    return lastOf(this.fields, tensorField.rawData)?.value ?? null;
  }

  get hasListedData(): boolean {
    return this.fields.some(({ number }) => listedDataFields.includes(number));
  }

  /** Null when the bytes are in the model file. */
  get externalLocation(): ExternalLocation | null {
    if (!this.isExternal) return null;
    const entries = new Map<string, string>();
    for (const { number, value } of this.fields) {
      if (number !== tensorField.externalData) continue;
      const entry = readFields(value, 'the place of external data');
      entries.set(textOf(lastOf(entry, entryField.key)), textOf(lastOf(entry, entryField.value)));
    }
    const length = entries.get('length');
    return {
      location: entries.get('location') ?? '',
      offset: Number(entries.get('offset') ?? 0),
      length: length === undefined ? null : Number(length),
    };
  }
}
