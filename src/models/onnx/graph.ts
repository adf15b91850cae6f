import { OnnxNode } from './node';
import { OnnxTensor } from './tensor';
import { OnnxValueInfo } from './value-info';
import { lastOf, readFields, textOf, type Field } from './wire';

/** `GraphProto` */
export const graphField = {
  node: 1,
  name: 2,
  initializer: 5,
  input: 11,
  output: 12,
  valueInfo: 13,
  quantizationAnnotation: 14,
  sparseInitializer: 15,
} as const;

/** A constant tensor with the field it stands in. */
export interface Initializer {
  readonly name: string;
  readonly field: Field;
  /** Null for a sparse one, whose elements are not read here. */
  readonly tensor: OnnxTensor | null;
}

/** `SparseTensorProto`: its values are a tensor, whose name is the initializer's. */
const sparseValues = 1;

function sparseInitializer(field: Field): Initializer {
  const values = lastOf(readFields(field.value, 'a sparse tensor'), sparseValues);
  return { name: values === undefined ? '' : new OnnxTensor(values.value).name, field, tensor: null };
}

/** A graph as it stands in the file: typed views of what is needed, everything else kept as fields. */
export class OnnxGraph {
  readonly fields: readonly Field[];
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  /** Dense ones first, then sparse ones. */
  readonly initializers: readonly Initializer[];
  /** An input that is an initializer too has a default value and need not be fed. */
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly valueInfos: readonly OnnxValueInfo[];

  constructor(bytes: Uint8Array) {
    this.fields = readFields(bytes, 'the graph');
    const all = (number: number) => this.fields.filter((field) => field.number === number);
    const values = (number: number) => all(number).map((field) => new OnnxValueInfo(field));
    this.name = textOf(lastOf(this.fields, graphField.name));
    this.nodes = all(graphField.node).map((field) => new OnnxNode(field));
    this.initializers = [
      ...all(graphField.initializer).map((field) => {
        const tensor = new OnnxTensor(field.value);
        return { name: tensor.name, field, tensor };
      }),
      ...all(graphField.sparseInitializer).map(sparseInitializer),
    ];
    this.inputs = values(graphField.input);
    this.outputs = values(graphField.output);
    this.valueInfos = values(graphField.valueInfo);
  }
}

/** The branches of If, the body of Loop and Scan. Read anew at each call. */
export function subgraphsOf({ attributes }: OnnxNode): OnnxGraph[] {
  return attributes.flatMap(({ graphs }) => graphs).map((bytes) => new OnnxGraph(bytes));
}
