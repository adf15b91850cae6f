import { integerField, joinChunks, lengthDelimited, textField } from '../../../models/onnx/wire';
import { valueInfoBytes, type OnnxDim } from '../../../models/onnx/value-info';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

const modelField = { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8, metadata: 14 } as const;
const graphField = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const nodeField = { input: 1, output: 2, name: 3, opType: 4, attribute: 5 } as const;
const attributeField = { name: 1, float: 2, integer: 3, integers: 8, type: 20 } as const;
const attributeType = { float: 1, integer: 2, integers: 7 } as const;
const tensorField = { dims: 1, dataType: 2, name: 8, rawData: 9 } as const;
const float32 = 1;
const int64 = 7;
const irVersion = 8;
const opset = 17;

/** JavaScript does not tell 1.0 from 1: what is a float says so. */
export type AttributeValue = { readonly float: number } | number | readonly number[];

/** Writes an ONNX graph operation by operation; each returns the name of its output. */
export class OnnxGraphBuilder {
  private readonly nodes: Uint8Array[] = [];
  private readonly initializers: Uint8Array[] = [];
  private readonly inputs: Uint8Array[] = [];
  private readonly outputs: Uint8Array[] = [];
  private names = 0;

  input(name: string, dims: readonly OnnxDim[]): string {
    this.inputs.push(valueInfoBytes(graphField.input, name, { type: float32, dims }));
    return name;
  }

  output(name: string, dims: readonly OnnxDim[]): void {
    this.outputs.push(valueInfoBytes(graphField.output, name, { type: float32, dims }));
  }

  floats(values: Float32Array, dims: readonly number[], name = this.fresh('weight')): string {
    const bytes = new Uint8Array(values.length * 4);
    const view = new DataView(bytes.buffer);
    values.forEach((value, index) => view.setFloat32(4 * index, value, true));
    return this.initializer(name, float32, dims, bytes);
  }

  scalar(value: number, name?: string): string {
    return this.floats(new Float32Array([value]), [], name);
  }

  integers(values: readonly number[]): string {
    const bytes = new Uint8Array(values.length * 8);
    const view = new DataView(bytes.buffer);
    values.forEach((value, index) => view.setBigInt64(8 * index, BigInt(value), true));
    return this.initializer(this.fresh('integers'), int64, [values.length], bytes);
  }

  /** @param output its name; by default a new one */
  add(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output: string = this.fresh(opType),
  ): string {
    this.node(opType, inputs, [output], attributes);
    return output;
  }

  node(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): readonly string[] {
    const chunks = [
      ...inputs.map((name) => textField(nodeField.input, name)),
      ...outputs.map((name) => textField(nodeField.output, name)),
      textField(nodeField.name, outputs[0] ?? opType),
      textField(nodeField.opType, opType),
      ...Object.entries(attributes).flatMap(([name, value]) =>
        lengthDelimited(nodeField.attribute, attributeChunks(name, value)),
      ),
    ];
    this.nodes.push(...lengthDelimited(graphField.node, chunks));
    return outputs;
  }

  /** The whole file. */
  finish(name: string, metadata: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
    const graph = [
      ...this.nodes,
      textField(graphField.name, name),
      ...this.initializers,
      ...this.inputs,
      ...this.outputs,
    ];
    return joinChunks([
      integerField(modelField.irVersion, irVersion),
      textField(modelField.producerName, 'ecomap'),
      ...lengthDelimited(modelField.graph, graph),
      ...lengthDelimited(modelField.opsetImport, [textField(1, ''), integerField(2, opset)]),
      ...Object.entries(metadata).flatMap(([key, value]) =>
        lengthDelimited(modelField.metadata, [textField(1, key), textField(2, value)]),
      ),
    ]);
  }

  fresh(what: string): string {
    this.names += 1;
    return `${what}_${this.names}`;
  }

  private initializer(name: string, type: number, dims: readonly number[], bytes: Uint8Array): string {
    const chunks = [
      ...dims.map((dim) => integerField(tensorField.dims, dim)),
      integerField(tensorField.dataType, type),
      textField(tensorField.name, name),
      ...lengthDelimited(tensorField.rawData, [bytes]),
    ];
    this.initializers.push(...lengthDelimited(graphField.initializer, chunks));
    return name;
  }
}

function attributeChunks(name: string, value: AttributeValue): Uint8Array[] {
  const named = textField(attributeField.name, name);
  if (typeof value === 'number') {
    return [
      named,
      integerField(attributeField.integer, value),
      integerField(attributeField.type, attributeType.integer),
    ];
  }
  if ('float' in value) {
    const float = new BinaryWriter().tag(attributeField.float, WireType.Bit32).float(value.float).finish();
    return [named, float, integerField(attributeField.type, attributeType.float)];
  }
  return [
    named,
    ...value.map((entry) => integerField(attributeField.integers, entry)),
    integerField(attributeField.type, attributeType.integers),
  ];
}
