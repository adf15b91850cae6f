import { OnnxTensor } from './tensor';
import { floatsOf, integerOf, integersOf, lastOf, readFields, textOf, textsOf, type Field } from './wire';

/** `NodeProto` */
const nodeField = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 } as const;
/** `AttributeProto` */
const attributeField = {
  name: 1,
  float: 2,
  integer: 3,
  text: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  integers: 8,
  graphs: 11,
} as const;

/** One attribute of a node. Its value is read only when it is asked for: it may be a whole graph or a big tensor. */
export class OnnxAttribute {
  readonly name: string;
  private readonly fields: readonly Field[];

  constructor(bytes: Uint8Array) {
    this.fields = readFields(bytes, 'an attribute');
    this.name = textOf(lastOf(this.fields, attributeField.name));
  }

  get float(): number | null {
    return floatsOf(this.fields, attributeField.float).at(-1) ?? null;
  }

  get integer(): number | null {
    return integerOf(lastOf(this.fields, attributeField.integer));
  }

  get text(): string | null {
    const field = lastOf(this.fields, attributeField.text);
    return field === undefined ? null : textOf(field);
  }

  get integers(): number[] {
    return integersOf(this.fields, attributeField.integers);
  }

  get floats(): number[] {
    return floatsOf(this.fields, attributeField.floats);
  }

  get tensor(): OnnxTensor | null {
    const field = lastOf(this.fields, attributeField.tensor);
    return field === undefined ? null : new OnnxTensor(field.value);
  }

  /** The bytes of the branches of If, of the body of Loop and Scan; see `subgraphsOf`. */
  get graphs(): Uint8Array[] {
    return this.fields
      .filter(({ number }) => number === attributeField.graph || number === attributeField.graphs)
      .map(({ value }) => value);
  }
}

/** One operation of a graph. */
export class OnnxNode {
  /** May hold empty names: an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name: string;
  readonly opType: string;
  /** Empty for the operators of ONNX itself. */
  readonly domain: string;
  private cachedAttributes: readonly OnnxAttribute[] | null = null;
  private readonly fields: readonly Field[];

  constructor(readonly field: Field) {
    this.fields = readFields(field.value, 'a node');
    this.inputs = textsOf(this.fields, nodeField.input);
    this.outputs = textsOf(this.fields, nodeField.output);
    this.name = textOf(lastOf(this.fields, nodeField.name));
    this.opType = textOf(lastOf(this.fields, nodeField.opType));
    const domain = textOf(lastOf(this.fields, nodeField.domain));
    this.domain = domain === 'ai.onnx' ? '' : domain;
  }

  get attributes(): readonly OnnxAttribute[] {
    this.cachedAttributes ??= this.fields
      .filter(({ number }) => number === nodeField.attribute)
      .map(({ value }) => new OnnxAttribute(value));
    return this.cachedAttributes;
  }

  attribute(name: string): OnnxAttribute | undefined {
    return this.attributes.find((attribute) => attribute.name === name);
  }

  /** "Conv "conv1"", for messages. */
  get label(): string {
    return `${this.opType} "${this.name || (this.outputs[0] ?? '')}"`;
  }
}
