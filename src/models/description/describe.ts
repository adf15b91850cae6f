import type { GraphParts } from '../onnx/computing-nodes';
import { cutPoints, offeredCuts, type BoundaryTypes } from '../onnx/cuts';
import type { FlowNode } from '../onnx/data-flow';
import { elementTypeName } from '../onnx/element-types';
import type { OnnxValueInfo } from '../onnx/value-info';
import { constantShape } from './constant-shapes';
import { isUncounted, macsOf, type ShapeOf } from './macs';
import type { DescribedCut, DescribedValue, DescriptionWarning, ModelDescription } from './model-description';
import { parametersOf } from './parameters';
import { bytesIn, bytesMovedBy } from './traffic';

/** What is known of a file beside its content. */
export interface DescribedFile {
  /** Hex, of the model with its external data. */
  readonly sha256: string;
  /** With external data. */
  readonly bytes: number;
  /** Names of the files beside it that hold weights. */
  readonly externalFiles: readonly string[];
}

/** What one inference has shown. */
export interface ShapesInside {
  /** Types and concrete shapes of everything that the model computes, and of its inputs. */
  readonly types: BoundaryTypes;
  /** Of the inputs, by name. */
  readonly inputDims: Readonly<Record<string, readonly number[]>>;
}

/** Domains whose operators onnxruntime brings along. */
const knownDomains: readonly string[] = [
  '',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'com.microsoft',
];

/**
 * Describes a model whose parts are known.
 * @param shapes null where it could not be run: then what depends on the shapes inside it is null
 * @param warnings what whoever tried to load and run it has to add
 */
export function describeModel(
  parts: GraphParts,
  file: DescribedFile,
  shapes: ShapesInside | null,
  warnings: readonly DescriptionWarning[],
): ModelDescription {
  const { model, computing } = parts;
  const { graph } = model;
  const inputs = graph.inputs.filter(({ name }) => !parts.constants.has(name));
  const { parameters, bytes: parameterBytes } = parametersOf(graph);
  const macsBefore = cumulativeMacs(parts, shapes);
  const macs = macsBefore?.at(-1) ?? null;
  const moved = cumulativeBytes(parts, shapes);
  const all = shapes === null ? cutPoints(parts) : cutPoints(parts, shapes.types);
  const offered = offeredCuts(all);
  return {
    layout: 2,
    sha256: file.sha256,
    fileBytes: file.bytes,
    irVersion: model.irVersion,
    producer: model.producer,
    opsets: [...model.opsets],
    inputs: inputs.map(describeValue),
    outputs: graph.outputs.map(describeValue),
    batchOpen: [...inputs, ...graph.outputs].every(({ tensorType }) => isOpen(tensorType?.dims?.[0])),
    operators: countOperators(parts),
    computingNodes: computing.length,
    parameters,
    parameterBytes,
    macs,
    bytesMoved: moved?.at(-1) ?? null,
    inputBytes: shapes === null ? null : inputBytes(parts, shapes),
    runDims: shapes === null ? null : copyDims(shapes.inputDims),
    cuts: offered.map(({ firstNode, label, crossing, bytes }): DescribedCut => {
      const before = macsBefore?.[firstNode - 1];
      return {
        firstNode,
        label,
        crossing: crossing.map((tensor) => ({
          ...describeType(tensor.name, tensor.type),
          bytes: tensor.bytes,
        })),
        bytes,
        macsBefore: before === undefined || macs === null || macs === 0 ? null : before / macs,
        movedBefore: moved?.[firstNode - 1] ?? null,
      };
    }),
    cutsNotOffered: all.length - offered.length,
    externalFiles: [...file.externalFiles],
    warnings: [...ownWarnings(parts), ...warnings],
  };
}

/** Undefined is no dimension at all: a scalar cannot hold a batch. */
function isOpen(dim: number | string | null | undefined): boolean {
  return dim !== undefined && typeof dim !== 'number';
}

function describeValue({ name, tensorType }: OnnxValueInfo): DescribedValue {
  return describeType(name, tensorType);
}

function describeType(name: string, type: OnnxValueInfo['tensorType']): DescribedValue {
  if (type === null) return { name, type: null, dims: null };
  return { name, type: elementTypeName(type.type), dims: type.dims === null ? null : [...type.dims] };
}

function copyDims(dims: ShapesInside['inputDims']): Record<string, number[]> {
  return Object.fromEntries(Object.entries(dims).map(([name, list]) => [name, [...list]]));
}

function countOperators({ model }: GraphParts): ModelDescription['operators'] {
  const counts = new Map<string, { name: string; domain: string; count: number }>();
  for (const { opType, domain } of model.graph.nodes) {
    const key = `${domain}:${opType}`;
    const known = counts.get(key) ?? { name: opType, domain, count: 0 };
    known.count += 1;
    counts.set(key, known);
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || a.name.localeCompare(b.name));
}

/** Multiply-accumulates up to and with each computing node; null as soon as one is not known. */
function cumulativeMacs(parts: GraphParts, shapes: ShapesInside | null): number[] | null {
  if (shapes === null) return null;
  const shapeOf: ShapeOf = (name) => concrete(shapes.types.get(name)?.dims) ?? constantShape(parts, name);
  return cumulative(parts.computing, ({ node }) => macsOf(node, shapeOf));
}

/** The same for what is moved. */
function cumulativeBytes(parts: GraphParts, shapes: ShapesInside | null): number[] | null {
  if (shapes === null) return null;
  const bytesOf = bytesIn(parts, shapes.types);
  return cumulative(parts.computing, (node) => bytesMovedBy(node, bytesOf));
}

function inputBytes(parts: GraphParts, { inputDims, types }: ShapesInside): number | null {
  const bytesOf = bytesIn(parts, types);
  let sum = 0;
  for (const name of Object.keys(inputDims)) {
    const bytes = bytesOf(name);
    if (bytes === null) return null;
    sum += bytes;
  }
  return sum;
}

function cumulative(nodes: readonly FlowNode[], valueOf: (node: FlowNode) => number | null): number[] | null {
  const sums: number[] = [];
  let sum = 0;
  for (const node of nodes) {
    const value = valueOf(node);
    if (value === null) return null;
    sum += value;
    sums.push(sum);
  }
  return sums;
}

function concrete(dims: readonly (number | string | null)[] | null | undefined): readonly number[] | null {
  if (dims === null || dims === undefined) return null;
  return dims.every((dim) => typeof dim === 'number') ? dims : null;
}

function ownWarnings({ model, computing }: GraphParts): DescriptionWarning[] {
  const warnings: DescriptionWarning[] = [];
  const custom = model.graph.nodes.filter(
    ({ domain, opType }) => !knownDomains.includes(domain) && !model.functions.has(`${domain}:${opType}`),
  );
  if (custom.length > 0) {
    const names = [...new Set(custom.map(({ domain, opType }) => `${domain}.${opType}`))];
    warnings.push({
      kind: 'custom-operators',
      text: `Needs operators that the runtime does not bring along: ${names.join(', ')}.`,
    });
  }
  const uncounted = [...new Set(computing.filter(({ node }) => isUncounted(node)).map(({ node }) => node.opType))];
  if (uncounted.length > 0) {
    warnings.push({
      kind: 'uncounted-operators',
      text: `The multiply-accumulates do not include those of ${uncounted.join(', ')}.`,
    });
  }
  return warnings;
}
