import type { GraphParts } from './computing-nodes';
import { elementBytes } from './element-types';
import type { OnnxTensorType } from './value-info';

/** Types of the tensors inside a graph by name, as onnxruntime infers them; see src/inference/host/model-insides.ts. */
export type BoundaryTypes = ReadonlyMap<string, OnnxTensorType>;

export interface CrossingTensor {
  readonly name: string;
  /** Null when it is not known. */
  readonly type: OnnxTensorType | null;
  /** Of one request: an open first dimension counts as one. Null when type or shape is not known. */
  readonly bytes: number | null;
}

/** A place where a model can be cut in two. */
export interface CutPoint {
  /** Number of the computing node with which the later stage begins: `firstNode` of a plan's stage. */
  readonly firstNode: number;
  /** Operator and name of that node. */
  readonly label: string;
  /** What the earlier nodes compute and the later ones read. Inputs of the model are not among them: every stage can have them. */
  readonly crossing: readonly CrossingTensor[];
  /** Of all crossing tensors together; null when one is not known. */
  readonly bytes: number | null;
}

/** Types that the model itself declares, where a run has not told better ones. */
export function declaredTypes({ model: { graph } }: GraphParts): BoundaryTypes {
  const declared = [...graph.valueInfos, ...graph.inputs, ...graph.outputs];
  return new Map(declared.flatMap(({ name, tensorType }) => (tensorType === null ? [] : [[name, tensorType]])));
}

/** Every place where the model can be cut: in front of each computing node but the first. */
export function cutPoints(parts: GraphParts, types: BoundaryTypes = declaredTypes(parts)): CutPoint[] {
  const { computing } = parts;
  const madeAt = new Map(computing.flatMap(({ makes }, index) => makes.map((name) => [name, index] as const)));
  const readLastAt = new Map<string, number>();
  computing.forEach(({ reads }, index) => {
    for (const name of reads) if (madeAt.has(name)) readLastAt.set(name, index);
  });
  const open = new Set<string>();
  const cuts: CutPoint[] = [];
  computing.forEach(({ node }, firstNode) => {
    if (firstNode > 0) {
      for (const name of open) if ((readLastAt.get(name) ?? -1) < firstNode) open.delete(name);
      const crossing = [...open].map((name) => crossingTensor(name, types.get(name) ?? null));
      cuts.push({ firstNode, label: node.label, crossing, bytes: totalBytes(crossing) });
    }
    for (const name of computing[firstNode]?.makes ?? []) open.add(name);
  });
  return cuts;
}

function crossingTensor(name: string, type: OnnxTensorType | null): CrossingTensor {
  return { name, type, bytes: type === null ? null : bytesPerRequest(type) };
}

function bytesPerRequest({ type, dims }: OnnxTensorType): number | null {
  if (dims === null) return null;
  const sizes = dims.map((dim, axis) => (axis === 0 && typeof dim !== 'number' ? 1 : dim));
  if (!sizes.every((size) => typeof size === 'number')) return null;
  return elementBytes(
    type,
    sizes.reduce((product, size) => product * size, 1),
  );
}

function totalBytes(crossing: readonly CrossingTensor[]): number | null {
  let total = 0;
  for (const { bytes } of crossing) {
    if (bytes === null) return null;
    total += bytes;
  }
  return total;
}

/**
 * Most tensors that may cross a cut that is offered. One is a cut between blocks; two is one through a block with a shortcut
 * (residual networks: the branch and the shortcut), which are about half of all cuts there and often those that halve the
 * work. With three and more a cut goes through the middle of a block of branches (Inception, dense blocks): the next cut a few
 * nodes further computes nearly the same and hands over less, and every tensor costs its own copy into and out of the slot.
 */
const mostCrossing = 2;

/** The cut points worth choosing from, see {@link mostCrossing}. */
export function offeredCuts(cuts: readonly CutPoint[], most = mostCrossing): CutPoint[] {
  return cuts.filter(({ crossing }) => crossing.length <= most);
}
