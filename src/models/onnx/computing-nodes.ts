import { nodesInOrder, type FlowNode } from './data-flow';
import { subgraphsOf, type Initializer } from './graph';
import type { OnnxModel } from './model';
import type { OnnxNode } from './node';

/** What a name stands for that does not depend on the inputs of a model. */
type Constant = { readonly initializer: Initializer } | { readonly node: FlowNode };

/** A graph, told apart into what is the same for every request and what has to be computed. */
export interface GraphParts {
  readonly model: OnnxModel;
  /**
   * The nodes that depend on the inputs and on which an output depends, each after those it reads from. Their numbers here
   * are the numbers in `firstNode` of a plan's stages.
   */
  readonly computing: readonly FlowNode[];
  /** Initializers and outputs of constant nodes, by name. */
  readonly constants: ReadonlyMap<string, Constant>;
}

/** Draw anew at every run, so that they are no constants even without inputs. */
const drawsAnew = /Random|Multinomial|Bernoulli|Dropout|Sampling/;
/** Domains whose operators are known to depend on nothing but their inputs. */
const pureDomains: readonly string[] = ['', 'ai.onnx.ml', 'com.microsoft'];

function isPure(node: OnnxNode, model: OnnxModel): boolean {
  return (
    pureDomains.includes(node.domain) &&
    !model.functions.has(`${node.domain}:${node.opType}`) &&
    !drawsAnew.test(node.opType) &&
    subgraphsOf(node).every(({ nodes }) => nodes.every((inner) => isPure(inner, model)))
  );
}

/**
 * Weights often reach their node through others that only pass them on: Constant, or Identity where an exporter shares equal
 * weights. Those are constants too; counted as computing, nearly every cut would carry weights across.
 * @throws EcomapError MODEL_INVALID
 */
export function graphParts(model: OnnxModel): GraphParts {
  const { graph } = model;
  const constants = new Map<string, Constant>(
    graph.initializers.map((initializer) => [initializer.name, { initializer }]),
  );
  const depending: FlowNode[] = [];
  for (const node of nodesInOrder(graph)) {
    if (node.reads.every((name) => constants.has(name)) && isPure(node.node, model)) {
      for (const name of node.makes) constants.set(name, { node });
    } else {
      depending.push(node);
    }
  }
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const computing: FlowNode[] = [];
  for (const node of depending.toReversed()) {
    if (!node.makes.some((name) => needed.has(name))) continue;
    computing.push(node);
    for (const name of node.reads) needed.add(name);
  }
  return { model, computing: computing.reverse(), constants };
}
