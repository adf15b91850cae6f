import fc from 'fast-check';
import type { ModelDescription } from './onnx-builder';

const width = 4;

/** Small whole numbers over 8: sums of them are exact, so that a wrong tensor shows and rounding does not hide it. */
function numbers(count: number, seed: number): Float32Array {
  return new Float32Array(count).map((_, index) => ((((index + 1) * (seed + 3) * 7919) % 17) - 8) / 8);
}

/** One step of a random graph: the kind of block, which earlier tensors it reads, and a seed for its weights. */
interface Step {
  readonly kind: (typeof kinds)[number];
  readonly from: number;
  readonly and: number;
  readonly seed: number;
}

const kinds = ['relu', 'residual', 'concat', 'dense', 'shared', 'aliased', 'split', 'branch', 'input'] as const;

type Node = ModelDescription['nodes'][number];
type Weights = NonNullable<ModelDescription['weights']>;

/** What a step adds to the graph; `outputs` are tensors of [batch, width] that later steps may read. */
function blockOf(
  { kind, seed }: Step,
  id: string,
  a: string,
  b: string,
): { nodes: Node[]; weights: Weights; outputs: string[] } {
  const out = `${id}_out`;
  const dense = (input: string, weight: string): Node => ({
    op: 'MatMul',
    inputs: [input, weight],
    output: `${id}_product`,
  });
  const square = { dims: [width, width], data: numbers(width * width, seed) };
  const finish = (inner: string): Node => ({ op: 'Tanh', inputs: [inner], output: out });
  switch (kind) {
    case 'relu':
      return { nodes: [{ op: 'Relu', inputs: [a], output: out }], weights: {}, outputs: [out] };
    case 'residual':
      return {
        nodes: [
          { op: 'Relu', inputs: [a], output: `${id}_branch` },
          { op: 'Add', inputs: [`${id}_branch`, b], output: out },
        ],
        weights: {},
        outputs: [out],
      };
    case 'concat':
      return {
        nodes: [
          { op: 'Concat', inputs: [a, b], output: `${id}_wide`, attributes: { axis: -1 } },
          dense(`${id}_wide`, `${id}_w`),
          finish(`${id}_product`),
        ],
        weights: { [`${id}_w`]: { dims: [2 * width, width], data: numbers(2 * width * width, seed) } },
        outputs: [out],
      };
    case 'dense':
      return {
        nodes: [dense(a, `${id}_w`), finish(`${id}_product`)],
        weights: { [`${id}_w`]: square },
        outputs: [out],
      };
    case 'shared':
      return { nodes: [dense(a, 'shared_w'), finish(`${id}_product`)], weights: {}, outputs: [out] };
    case 'aliased':
      return {
        nodes: [
          { op: 'Identity', inputs: ['shared_w'], output: `${id}_alias` },
          { op: 'Transpose', inputs: [`${id}_alias`], output: `${id}_turned`, attributes: { perm: [1, 0] } },
          dense(a, `${id}_turned`),
          finish(`${id}_product`),
        ],
        weights: {},
        outputs: [out],
      };
    case 'split':
      return {
        nodes: [
          {
            op: 'Constant',
            inputs: [],
            output: `${id}_sizes`,
            attributes: { value: { dims: [2], data: new BigInt64Array([1n, 3n]) } },
          },
          { op: 'Split', inputs: [a, `${id}_sizes`], output: [`${id}_left`, `${id}_right`], attributes: { axis: 1 } },
          { op: 'Concat', inputs: [`${id}_right`, `${id}_left`], output: out, attributes: { axis: 1 } },
        ],
        weights: {},
        outputs: [out],
      };
    case 'branch':
      return {
        nodes: branchNodes(id, a, b),
        weights: { [`${id}_half`]: { dims: [], data: new Float32Array([0.5]) } },
        outputs: [out],
      };
    case 'input':
      return { nodes: [{ op: 'Mul', inputs: [a, 'second'], output: out }], weights: {}, outputs: [out] };
  }
}

/** If the sum of `a` is positive, b + 0.5, else relu(a) * 0.5: both branches read names of the graph around them. */
function branchNodes(id: string, a: string, b: string): Node[] {
  const branch = (name: string, nodes: Node[]) => ({
    nodes,
    inputs: [],
    outputs: [{ name, dims: ['rows', width] }],
  });
  return [
    { op: 'ReduceSum', inputs: [a], output: `${id}_sum`, attributes: { keepdims: 0 } },
    { op: 'Greater', inputs: [`${id}_sum`, `${id}_half`], output: `${id}_positive` },
    {
      op: 'If',
      inputs: [`${id}_positive`],
      output: `${id}_out`,
      attributes: {
        then_branch: branch(`${id}_then`, [{ op: 'Add', inputs: [b, `${id}_half`], output: `${id}_then` }]),
        else_branch: branch(`${id}_else`, [
          { op: 'Relu', inputs: [a], output: `${id}_inner` },
          { op: 'Mul', inputs: [`${id}_inner`, `${id}_half`], output: `${id}_else` },
        ]),
      },
    },
  ];
}

function descriptionOf(steps: readonly Step[]): ModelDescription {
  const tensors = ['first'];
  const nodes: Node[] = [];
  const weights: Record<string, Weights[string]> = {
    shared_w: { dims: [width, width], data: numbers(width * width, 1) },
  };
  steps.forEach((step, index) => {
    const pick = (position: number) => tensors[tensors.length - 1 - (position % tensors.length)] ?? 'first';
    const block = blockOf(step, `s${index}`, pick(step.from), pick(step.and));
    nodes.push(...block.nodes);
    Object.assign(weights, block.weights);
    tensors.push(...block.outputs);
  });
  const outputs = [...new Set([tensors.at(-1) ?? 'first', tensors[Math.ceil(tensors.length / 2)] ?? 'first'])];
  return {
    nodes,
    weights,
    inputs: ['first', 'second'].map((name) => ({ name, dims: ['batch', width] })),
    outputs: outputs.map((name) => ({ name, dims: ['batch', width] })),
  };
}

/**
 * Models of two inputs [batch, 4], "first" and "second", with one or two outputs: shortcuts, concatenations, shared weights, weights
 * behind Identity, nodes of several outputs, branches that read from around them, in any order and combination.
 */
export const generatedGraph: fc.Arbitrary<ModelDescription> = fc
  .array(fc.record({ kind: fc.constantFrom(...kinds), from: fc.nat(3), and: fc.nat(5), seed: fc.nat(50) }), {
    minLength: 2,
    maxLength: 8,
  })
  .map(descriptionOf);

/** One graph of each kind of block, and one with all of them. */
export const namedGraphs: Readonly<Record<string, ModelDescription>> = Object.fromEntries([
  ...kinds.map((kind) => [
    kind,
    descriptionOf([
      { kind: 'dense', from: 0, and: 0, seed: 2 },
      { kind, from: 0, and: 1, seed: 3 },
      { kind: 'relu', from: 0, and: 0, seed: 4 },
      { kind, from: 2, and: 0, seed: 5 },
      { kind: 'residual', from: 0, and: 3, seed: 6 },
    ]),
  ]),
  ['all together', descriptionOf(kinds.map((kind, index) => ({ kind, from: 0, and: index, seed: index })))],
]);
