import {
  integerField,
  integerOf,
  joinChunks,
  lastOf,
  lengthDelimited,
  readFields,
  textField,
  textOf,
  type Field,
} from './wire';

/** A number, the name of a free dimension, or null where nothing is known. */
export type OnnxDim = number | string | null;

export interface OnnxTensorType {
  /** Number of ONNX's `TensorProto.DataType`. */
  readonly type: number;
  /** Null when not even the number of dimensions is known. */
  readonly dims: readonly OnnxDim[] | null;
}

/** `ValueInfoProto`, `TypeProto`, `TypeProto.Tensor`, `TensorShapeProto`, `TensorShapeProto.Dimension` */
const valueInfoField = { name: 1, type: 2 } as const;
const typeField = { tensor: 1 } as const;
const tensorTypeField = { elementType: 1, shape: 2 } as const;
const dimField = { value: 1, param: 2 } as const;

/** What a graph says about one tensor by name: an input, an output, or something in between. */
export class OnnxValueInfo {
  readonly name: string;
  /** Null when it is not declared, or no tensor (a sequence, a map). */
  readonly tensorType: OnnxTensorType | null;

  constructor(readonly field: Field) {
    const fields = readFields(field.value, 'the declaration of a tensor');
    this.name = textOf(lastOf(fields, valueInfoField.name));
    const type = lastOf(fields, valueInfoField.type);
    const tensor = type === undefined ? undefined : lastOf(readFields(type.value, 'a type'), typeField.tensor);
    this.tensorType = tensor === undefined ? null : readTensorType(tensor.value);
  }
}

function readTensorType(bytes: Uint8Array): OnnxTensorType {
  const fields = readFields(bytes, 'the type of a tensor');
  const shape = lastOf(fields, tensorTypeField.shape);
  return {
    type: integerOf(lastOf(fields, tensorTypeField.elementType)) ?? 0,
    dims: shape === undefined ? null : readFields(shape.value, 'a shape').map(({ value }) => readDim(value)),
  };
}

function readDim(bytes: Uint8Array): OnnxDim {
  const fields = readFields(bytes, 'a dimension');
  const name = textOf(lastOf(fields, dimField.param));
  return integerOf(lastOf(fields, dimField.value)) ?? (name === '' ? null : name);
}

/** A declaration as a field of that number; without a type, onnxruntime infers it. */
export function valueInfoBytes(number: number, name: string, tensorType: OnnxTensorType | null): Uint8Array {
  const chunks = [textField(valueInfoField.name, name)];
  if (tensorType !== null) {
    const tensor = [integerField(tensorTypeField.elementType, tensorType.type)];
    if (tensorType.dims !== null) {
      tensor.push(
        ...lengthDelimited(
          tensorTypeField.shape,
          tensorType.dims.flatMap((dim) => lengthDelimited(1, dimChunks(dim))),
        ),
      );
    }
    chunks.push(...lengthDelimited(valueInfoField.type, lengthDelimited(typeField.tensor, tensor)));
  }
  return joinChunks(lengthDelimited(number, chunks));
}

function dimChunks(dim: OnnxDim): Uint8Array[] {
  if (dim === null) return [];
  return [typeof dim === 'number' ? integerField(dimField.value, dim) : textField(dimField.param, dim)];
}
