import { EcomapError } from '../../signals/errors';
import { subgraphsOf, type OnnxGraph } from './graph';
import type { OnnxNode } from './node';

/** A node with the names it reads, those that its sub-graphs take from outside included, and the names it makes. */
export interface FlowNode {
  readonly node: OnnxNode;
  readonly reads: readonly string[];
  readonly makes: readonly string[];
}

/** Names that a sub-graph (a branch of If, the body of Loop or Scan) takes from the graphs around it. */
function capturedBy(graph: OnnxGraph): string[] {
  const own = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.map(({ name }) => name),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ]);
  const read = [...graph.nodes.flatMap(readsOf), ...graph.outputs.map(({ name }) => name)];
  return read.filter((name) => !own.has(name));
}

function readsOf(node: OnnxNode): string[] {
  const read = [...node.inputs, ...subgraphsOf(node).flatMap(capturedBy)];
  return [...new Set(read)].filter((name) => name !== '');
}

function invalid(what: string): EcomapError {
  return new EcomapError('MODEL_INVALID', `The ONNX model is not well-formed: ${what} Export it again.`);
}

/**
 * The nodes of a graph, each after all those it reads from: as they stand in the file, or sorted where an exporter was
 * careless (onnxruntime accepts that too).
 * @throws EcomapError MODEL_INVALID when a tensor is made twice or by nobody, or when nodes wait for each other
 */
export function nodesInOrder(graph: OnnxGraph): FlowNode[] {
  const nodes = graph.nodes.map((node) => ({
    node,
    reads: readsOf(node),
    makes: node.outputs.filter((name) => name !== ''),
  }));
  const given = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name));
  const makers = new Map<string, FlowNode>();
  for (const node of nodes) {
    for (const name of node.makes) {
      if (makers.has(name) || given.has(name)) throw invalid(`the tensor "${name}" is made more than once.`);
      makers.set(name, node);
    }
  }
  for (const { node, reads } of nodes) {
    const missing = reads.find((name) => !given.has(name) && !makers.has(name));
    if (missing !== undefined) throw invalid(`${node.label} reads "${missing}", which nothing in the graph makes.`);
  }
  const orphan = graph.outputs.find(({ name }) => !given.has(name) && !makers.has(name));
  if (orphan !== undefined) throw invalid(`its output "${orphan.name}" is made by no node.`);
  return sorted(nodes, makers);
}

function sorted(nodes: readonly FlowNode[], makers: ReadonlyMap<string, FlowNode>): FlowNode[] {
  if (isInOrder(nodes, makers)) return [...nodes];
  const waitingFor = new Map<FlowNode, number>();
  const readers = new Map<FlowNode, FlowNode[]>();
  for (const node of nodes) {
    const sources = new Set(node.reads.flatMap((name) => makers.get(name) ?? []));
    waitingFor.set(node, sources.size);
    for (const source of sources) readers.set(source, [...(readers.get(source) ?? []), node]);
  }
  const ready = nodes.filter((node) => waitingFor.get(node) === 0);
  for (const node of ready) {
    for (const reader of readers.get(node) ?? []) {
      const left = (waitingFor.get(reader) ?? 0) - 1;
      waitingFor.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  const stuck = nodes.find((node) => (waitingFor.get(node) ?? 0) > 0);
  if (stuck !== undefined) throw invalid(`the nodes around ${stuck.node.label} wait for each other (a cycle).`);
  return ready;
}

function isInOrder(nodes: readonly FlowNode[], makers: ReadonlyMap<string, FlowNode>): boolean {
  const done = new Set<FlowNode>();
  return nodes.every((node) => {
    const follows = node.reads.every((name) => {
      const maker = makers.get(name);
      return maker === undefined || done.has(maker);
    });
    done.add(node);
    return follows;
  });
}
