import { EcomapError } from '../../signals/errors';
import type { GraphParts } from './computing-nodes';
import { declaredTypes, type BoundaryTypes } from './cuts';
import type { FlowNode } from './data-flow';
import { graphField, type OnnxGraph } from './graph';
import { writeModel } from './model';
import { valueInfoBytes, type OnnxValueInfo } from './value-info';
import { lastOf, readFields, textOf, type Field } from './wire';

/** A part of a model as a model of its own. */
export interface Stage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Names of the tensors it must be fed: inputs of the whole, and what earlier stages compute. */
  readonly inputs: readonly string[];
  /** Names of the tensors it computes for later stages or as outputs of the whole. */
  readonly outputs: readonly string[];
}

/**
 * Cuts out the computing nodes `from` up to, but without, `to` (0 <= from < to <= number of computing nodes). Weights and
 * constants that it reads come along, shared ones into every stage that reads them; all else of the file is kept.
 *
 * `types` are the types of the tensors between nodes; what it lacks is taken from the file. Outputs are declared by name
 * alone, since onnxruntime infers their types from the nodes. No dimension is guessed: one that is open stays open.
 * @throws EcomapError INVALID_MESSAGE for a range that does not exist; MODEL_INVALID when an input's type is not known
 */
export function stageOf(parts: GraphParts, from: number, to: number, types: BoundaryTypes): Stage {
  const { computing, model } = parts;
  if (![from, to].every(Number.isInteger) || from < 0 || from >= to || to > computing.length) {
    throw new EcomapError(
      'INVALID_MESSAGE',
      `The model has ${computing.length} nodes that compute; a stage from node ${from} up to node ${to} does not exist.`,
    );
  }
  const { graph } = model;
  const nodes = computing.slice(from, to);
  const isLast = to === computing.length;
  const made = new Set(nodes.flatMap(({ makes }) => makes));
  const readLater = new Set([
    ...computing.slice(to).flatMap(({ reads }) => reads),
    ...graph.outputs.map(({ name }) => name),
  ]);
  // An output of the whole that no node computes is a constant: the last stage states it.
  const constantOutputs = isLast
    ? graph.outputs.map(({ name }) => name).filter((name) => parts.constants.has(name))
    : [];
  const outputs = [...[...made].filter((name) => readLater.has(name)), ...constantOutputs];
  const needed = [...new Set(nodes.flatMap(({ reads }) => reads))].filter((name) => !made.has(name));
  const inputs = needed.filter((name) => !parts.constants.has(name));
  const { constantNodes, initializerNames } = constantsFor(parts, [...needed, ...constantOutputs]);
  const present = new Set([...needed, ...made, ...constantNodes.flatMap(({ makes }) => makes), ...initializerNames]);
  const fields = [
    ...otherFields(graph, present),
    ...[...constantNodes, ...nodes].map(({ node }) => node.field.raw),
    ...graph.initializers.filter(({ name }) => initializerNames.has(name)).map(({ field }) => field.raw),
    ...inputs.map((name) => declaredInput(parts, types, name)),
    // Initializers with a default value that the file also lists as inputs, as old files do with all of them.
    ...graph.inputs.filter(({ name }) => initializerNames.has(name)).map(({ field }) => field.raw),
    ...outputs.map((name) => declaredOutput(graph, name)),
    ...graph.valueInfos
      .filter(({ name }) => present.has(name) && !inputs.includes(name) && !outputs.includes(name))
      .map(({ field }) => field.raw),
  ];
  return { bytes: writeModel(model, fields), inputs, outputs };
}

/** The constants that the names stand for, and those that these are made of, each node after those it reads from. */
function constantsFor(parts: GraphParts, names: readonly string[]) {
  const wanted = new Set(names);
  const constantNodes = new Set<FlowNode>();
  for (const [name, constant] of [...parts.constants].reverse()) {
    if (!wanted.has(name) || !('node' in constant)) continue;
    constantNodes.add(constant.node);
    for (const read of constant.node.reads) wanted.add(read);
  }
  const initializers = parts.model.graph.initializers.filter(({ name }) => wanted.has(name));
  return {
    constantNodes: [...constantNodes].reverse(),
    initializerNames: new Set(initializers.map(({ name }) => name)),
  };
}

/** Name and documentation of the graph, fields that we do not know, and notes on quantised tensors that are present. */
function otherFields(graph: OnnxGraph, present: ReadonlySet<string>): Uint8Array[] {
  const { name: _name, quantizationAnnotation, ...rewritten } = graphField;
  const numbers: readonly number[] = Object.values(rewritten);
  return graph.fields
    .filter((field) => !numbers.includes(field.number))
    .filter((field) => field.number !== quantizationAnnotation || present.has(annotatedTensor(field)))
    .map(({ raw }) => raw);
}

/** `TensorAnnotation`: the tensor's name is its first field. */
function annotatedTensor({ value }: Field): string {
  return textOf(lastOf(readFields(value, 'a note on a quantised tensor'), 1));
}

function declaredInput(parts: GraphParts, types: BoundaryTypes, name: string): Uint8Array {
  const input = find(parts.model.graph.inputs, name);
  if (input !== undefined) return input.field.raw;
  const type = types.get(name) ?? declaredTypes(parts).get(name);
  if (type !== undefined) return valueInfoBytes(graphField.input, name, type);
  throw new EcomapError(
    'MODEL_INVALID',
    `The model cannot be cut here: the type of "${name}", which crosses the cut, is not known or not a tensor. ` +
      'Choose another cut.',
  );
}

function declaredOutput(graph: OnnxGraph, name: string): Uint8Array {
  return find(graph.outputs, name)?.field.raw ?? valueInfoBytes(graphField.output, name, null);
}

function find(values: readonly OnnxValueInfo[], name: string): OnnxValueInfo | undefined {
  return values.find((value) => value.name === name);
}
