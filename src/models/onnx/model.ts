import { EcomapError } from '../../signals/errors';
import { OnnxGraph } from './graph';
import { integerOf, joinChunks, lastOf, lengthDelimited, readFields, textOf, type Chunks, type Field } from './wire';

/** `ModelProto` */
const modelField = { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8, functions: 25 } as const;
/** `OperatorSetIdProto` */
const opsetField = { domain: 1, version: 2 } as const;
/** `FunctionProto` */
const functionField = { name: 1, domain: 10 } as const;

export interface Opset {
  /** Empty for the operators of ONNX itself. */
  readonly domain: string;
  readonly version: number;
}

/** A model file as it stands: the graph in typed views, everything else kept as fields. */
export interface OnnxModel {
  readonly fields: readonly Field[];
  readonly irVersion: number;
  /** The exporter, for instance "pytorch"; empty when it does not say. */
  readonly producer: string;
  readonly opsets: readonly Opset[];
  /** Operators that the model itself defines, as "domain:name". */
  readonly functions: ReadonlySet<string>;
  readonly graph: OnnxGraph;
}

/**
 * Reads a model. Its parts stay views of `bytes`: nothing big is copied or decoded, so this takes milliseconds for any
 * number of weights. The bytes must not change as long as the model is used.
 * @throws EcomapError MODEL_INVALID
 */
export function parseModel(bytes: Uint8Array): OnnxModel {
  const fields = readFields(bytes, 'the file');
  const graph = lastOf(fields, modelField.graph);
  if (graph === undefined) throw new EcomapError('MODEL_INVALID', 'The ONNX model holds no graph. Export it again.');
  return {
    fields,
    irVersion: integerOf(lastOf(fields, modelField.irVersion)) ?? 0,
    producer: textOf(lastOf(fields, modelField.producerName)),
    opsets: fields
      .filter(({ number }) => number === modelField.opsetImport)
      .map(({ value }) => readOpset(readFields(value, 'an operator set'))),
    functions: new Set(
      fields
        .filter(({ number }) => number === modelField.functions)
        .map(({ value }) => functionKey(readFields(value, 'a function'))),
    ),
    graph: new OnnxGraph(graph.value),
  };
}

function readOpset(fields: readonly Field[]): Opset {
  const domain = textOf(lastOf(fields, opsetField.domain));
  return {
    domain: domain === 'ai.onnx' ? '' : domain,
    version: integerOf(lastOf(fields, opsetField.version)) ?? 0,
  };
}

function functionKey(fields: readonly Field[]): string {
  return `${textOf(lastOf(fields, functionField.domain))}:${textOf(lastOf(fields, functionField.name))}`;
}

/** The file with another graph; all that stands beside the graph is kept byte for byte. */
export function writeModel(model: OnnxModel, graph: Chunks): Uint8Array<ArrayBuffer> {
  const last = lastOf(model.fields, modelField.graph);
  return joinChunks(
    model.fields.flatMap((field) => {
      if (field === last) return lengthDelimited(modelField.graph, graph);
      return field.number === modelField.graph ? [] : [field.raw];
    }),
  );
}

/** The graph as it was read, for {@link writeModel}. */
export function graphChunks(graph: OnnxGraph): Chunks {
  return graph.fields.map(({ raw }) => raw);
}
