import type { GraphParts } from './computing-nodes';
import { graphField } from './graph';
import { graphChunks, writeModel } from './model';
import { valueInfoBytes } from './value-info';

/**
 * The model with everything that it computes as a further output, by name alone: onnxruntime infers the types and tells them as
 * the session's metadata, so that nothing about shapes has to be known here.
 */
export function withAllOutputs({ model, computing }: GraphParts): Uint8Array<ArrayBuffer> {
  const outputs = new Set(model.graph.outputs.map(({ name }) => name));
  const added = computing
    .flatMap(({ makes }) => makes)
    .filter((name) => !outputs.has(name))
    .map((name) => valueInfoBytes(graphField.output, name, null));
  return writeModel(model, [...graphChunks(model.graph), ...added]);
}
