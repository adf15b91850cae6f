import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readModel } from '../../../src/inference/host/model-bytes';
import { modelInsides } from '../../../src/inference/host/model-insides';
import { graphParts, type GraphParts } from '../../../src/models/onnx/computing-nodes';
import { cutPoints, offeredCuts, type BoundaryTypes } from '../../../src/models/onnx/cuts';
import { parseModel } from '../../../src/models/onnx/model';
import { stageOf } from '../../../src/models/onnx/stage';
import { Random } from '../../../src/simulation/random';
import { familyNames, sampleGenerators, type FamilyName } from '../../../src/simulation/samples';
import { generatedGraph, namedGraphs } from '../../support/generated-graphs';
import { onnxModel, type ModelDescription } from '../../support/onnx-builder';

type Level = 'extended' | 'all';
type Feeds = Readonly<Record<string, Tensor>>;

const models = join(__dirname, '..', '..', '..', 'models');
const mostRelativeError = 1e-6;

async function compute(model: Uint8Array, level: Level, tensors: Feeds): Promise<Feeds> {
  const session = await InferenceSession.create(model, {
    graphOptimizationLevel: level,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const feeds = Object.fromEntries(
      session.inputNames.map((name) => {
        const tensor = tensors[name];
        assert.ok(tensor, `nobody has computed ${name}`);
        return [name, tensor];
      }),
    );
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

/** Runs the stages one after the other; what one computes, and the inputs of the whole, are there for all that follow. */
async function computeInStages(
  parts: GraphParts,
  types: BoundaryTypes,
  starts: readonly number[],
  level: Level,
  feeds: Feeds,
): Promise<Feeds> {
  let tensors = feeds;
  for (const [index, from] of starts.entries()) {
    const to = starts[index + 1] ?? parts.computing.length;
    const stage = stageOf(parts, from, to, types);
    const outputs = await compute(stage.bytes, level, tensors);
    assert.deepEqual(new Set(Object.keys(outputs)), new Set(stage.outputs));
    tensors = { ...tensors, ...outputs };
  }
  return tensors;
}

function bytesOf({ data }: Tensor): Buffer {
  assert.ok(ArrayBuffer.isView(data));
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function assertIdentical(found: Feeds, whole: Feeds, where: string): void {
  for (const [name, expected] of Object.entries(whole)) {
    const tensor = found[name];
    assert.ok(tensor, `${where}: no ${name}`);
    assert.deepEqual([tensor.type, tensor.dims], [expected.type, expected.dims], where);
    assert.ok(bytesOf(tensor).equals(bytesOf(expected)), `${where}: ${name} differs`);
  }
}

/** Relative to the largest number of the output: one close to zero has no digits of its own to lose. */
function relativeError(found: Feeds, whole: Feeds): number {
  return Math.max(
    ...Object.entries(whole).map(([name, { data }]) => {
      const expected = data as Float32Array;
      const actual = found[name]?.data as Float32Array;
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const error = expected.reduce(
        (most, value, index) => Math.max(most, Math.abs(value - (actual[index] ?? NaN))),
        0,
      );
      return largest === 0 ? error : error / largest;
    }),
  );
}

/** Two rows: a stage that closes an open batch dimension fails. */
const rows = 2;

/** What the network was made for: on noise its scores saturate, and the last digits of a probability of 1e-17 mean nothing. */
function sampleFeeds(family: FamilyName): (parts: GraphParts) => Feeds {
  const random = new Random(7);
  const samples = Array.from({ length: rows }, () => sampleGenerators[family](random));
  const data = Float32Array.from(samples.flatMap((sample) => [...sample.data]));
  const dims = [rows, ...(samples[0]?.dims.slice(1) ?? [])];
  return (parts) => ({ [parts.model.graph.inputs[0]?.name ?? '']: new Tensor('float32', data, dims) });
}

function randomFeeds(parts: GraphParts): Feeds {
  const random = new Random(7);
  return Object.fromEntries(
    parts.model.graph.inputs.map(({ name, tensorType }) => {
      const dims = (tensorType?.dims ?? []).map((dim) => (typeof dim === 'number' ? dim : rows));
      const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
      return [
        name,
        new Tensor(
          'float32',
          data.map(() => random.uniform(-1, 1)),
          dims,
        ),
      ];
    }),
  );
}

/** The model with all its weights one after the other in `weights.bin`; returns the path of its ONNX file. */
async function writeWithExternalWeights(directory: string, description: ModelDescription): Promise<string> {
  const parts: Buffer[] = [];
  let offset = 0;
  const weights = Object.fromEntries(
    Object.entries(description.weights ?? {}).map(([name, weight]) => {
      const part = Buffer.from(weight.data.buffer, weight.data.byteOffset, weight.data.byteLength);
      const external = { location: 'weights.bin', offset: String(offset), length: String(part.length) };
      parts.push(part);
      offset += part.length;
      return [name, { ...weight, external }];
    }),
  );
  await writeFile(join(directory, 'weights.bin'), Buffer.concat(parts));
  const path = join(directory, 'model.onnx');
  await writeFile(path, onnxModel({ ...description, weights }));
  return path;
}

/** Cuts at every boundary and compares with the whole; returns the number of cuts. */
async function proveEveryCut(bytes: Uint8Array, feedsFor = randomFeeds, uncut = bytes): Promise<number> {
  const parts = graphParts(parseModel(bytes));
  const { types } = await modelInsides('a test', parts);
  const feeds = feedsFor(parts);
  const cuts = cutPoints(parts, types);
  assert.deepEqual(
    cuts.map(({ firstNode }) => firstNode),
    parts.computing.slice(1).map((_, index) => index + 1),
  );
  for (const level of ['extended', 'all'] as const) {
    const whole = await compute(uncut, level, feeds);
    for (const { firstNode, crossing } of cuts) {
      const found = await computeInStages(parts, types, [0, firstNode], level, feeds);
      const where = `cut at ${firstNode} (${level})`;
      for (const { name } of crossing) assert.ok(found[name], `${where}: ${name} does not cross`);
      if (level === 'extended') assertIdentical(found, whole, where);
      else assert.ok(relativeError(found, whole) <= mostRelativeError, `${where}: ${relativeError(found, whole)}`);
    }
  }
  return cuts.length;
}

describe('models cut in two at every boundary compute what the whole does', function () {
  this.timeout(120_000);

  for (const family of familyNames) {
    for (const variant of ['large', 'medium', 'small', 'tiny']) {
      it(`${family}/${variant}`, async () => {
        const bytes = readFileSync(join(models, family, `${variant}.onnx`));
        assert.ok((await proveEveryCut(bytes, sampleFeeds(family))) >= 20);
      });
    }
  }

  for (const [name, description] of Object.entries(namedGraphs)) {
    it(`a graph of the kind "${name}"`, async () => {
      assert.ok((await proveEveryCut(onnxModel(description))) >= 4);
    });
  }

  for (const [name, description] of Object.entries(namedGraphs)) {
    if (Object.keys(description.weights ?? {}).length === 0) continue;
    it(`a graph of the kind "${name}" with its weights in a file beside it`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'ecomap-cuts-'));
      try {
        const { bytes } = await readModel(await writeWithExternalWeights(directory, description), null);
        assert.ok((await proveEveryCut(bytes, randomFeeds, onnxModel(description))) >= 4);
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  }

  it('any generated graph', () =>
    fc.assert(
      fc.asyncProperty(generatedGraph, async (description) => {
        await proveEveryCut(onnxModel(description));
      }),
      { numRuns: 25, seed: 11 },
    ));

  it('any generated graph in any number of stages', () =>
    fc.assert(
      fc.asyncProperty(generatedGraph, fc.infiniteStream(fc.boolean()), async (description, cutHere) => {
        const bytes = onnxModel(description);
        const parts = graphParts(parseModel(bytes));
        const starts = parts.computing.map((_, index) => index).filter((index) => index === 0 || cutHere.next().value);
        const { types } = await modelInsides('a test', parts);
        const feeds = randomFeeds(parts);
        const whole = await compute(bytes, 'extended', feeds);
        assertIdentical(await computeInStages(parts, types, starts, 'extended', feeds), whole, `cut at ${starts}`);
      }),
      { numRuns: 25, seed: 12 },
    ));

  it('a demonstration variant with every node as a stage of its own', async () => {
    const bytes = readFileSync(join(models, 'inspect', 'small.onnx'));
    const parts = graphParts(parseModel(bytes));
    const feeds = sampleFeeds('inspect')(parts);
    const whole = await compute(bytes, 'extended', feeds);
    const everyNode = parts.computing.map((_, index) => index);
    const { types } = await modelInsides('a test', parts);
    const found = await computeInStages(parts, types, everyNode, 'extended', feeds);
    assertIdentical(found, whole, 'every node');
  });
});

const dims = ['batch', 4];
const eye = { dims: [4, 4], data: new Float32Array(16).map((_, index) => (index % 5 === 0 ? 1 : 0)) };

describe('the cuts of a model', () => {
  const partsOf = (description: ModelDescription) => graphParts(parseModel(onnxModel(description)));
  const ends = { inputs: [{ name: 'x', dims }], outputs: [{ name: 'y', dims }] };

  it('lie between nodes that compute: not weights behind Identity, nor what no output needs', () => {
    const parts = partsOf({
      ...ends,
      nodes: [
        { op: 'Constant', inputs: [], output: 'c', attributes: { value: eye } },
        { op: 'Identity', inputs: ['w'], output: 'alias' },
        { op: 'Add', inputs: ['alias', 'c'], output: 'sum' },
        { op: 'RandomNormalLike', inputs: ['w'], output: 'noise' },
        { op: 'MatMul', inputs: ['x', 'sum'], output: 'product' },
        { op: 'Relu', inputs: ['product'], output: 'dead' },
        { op: 'Add', inputs: ['product', 'noise'], output: 'y' },
      ],
      weights: { w: eye },
    });
    assert.deepEqual(
      parts.computing.map(({ node }) => node.opType),
      ['RandomNormalLike', 'MatMul', 'Add'],
    );
    // What is drawn anew must be drawn once, not in each stage.
    assert.deepEqual(
      cutPoints(parts).map(({ crossing }) => crossing.map(({ name }) => name)),
      [['noise'], ['noise', 'product']],
    );
    const second = parseModel(stageOf(parts, 1, 3, new Map([['noise', { type: 1, dims: null }]])).bytes).graph;
    assert.deepEqual(
      second.nodes.map(({ opType }) => opType),
      ['Constant', 'Identity', 'Add', 'MatMul', 'Add'],
    );
    assert.deepEqual(
      second.initializers.map(({ name }) => name),
      ['w'],
    );
  });

  it('are offered where at most two tensors cross, unless told otherwise', () => {
    const branches = ['a', 'b', 'c'].map((output) => ({ op: 'Relu', inputs: ['x'], output }));
    const parts = partsOf({
      ...ends,
      nodes: [
        ...branches,
        { op: 'Sum', inputs: ['a', 'b', 'c'], output: 's' },
        { op: 'Relu', inputs: ['s'], output: 'y' },
      ],
    });
    const cuts = cutPoints(parts, new Map(['a', 'b', 's'].map((name) => [name, { type: 1, dims: [...dims] }])));
    const offered = (most?: number) => offeredCuts(cuts, most).map(({ firstNode }) => firstNode);
    assert.deepEqual(offered(), [1, 2, 4]);
    assert.deepEqual(offered(1), [1, 4]);
    assert.deepEqual(offered(3), [1, 2, 3, 4]);
    // One row of four floats each; "c" is not known.
    assert.deepEqual(
      cuts.map(({ bytes }) => bytes),
      [16, 32, null, 16],
    );
    assert.equal(cuts[3]?.label, 'Relu "y"');
  });

  it('that do not exist are refused', () => {
    const parts = partsOf({ ...ends, nodes: [{ op: 'Relu', inputs: ['x'], output: 'y' }] });
    for (const [from, to] of [
      [0, 0],
      [0, 2],
      [-1, 1],
      [1, 1],
      [0, 0.5],
    ] as const) {
      assert.throws(() => stageOf(parts, from, to, new Map()), {
        code: 'INVALID_MESSAGE',
        message: /1 nodes that compute/,
      });
    }
    assert.deepEqual(cutPoints(parts), []);
  });

  it('need the type of what crosses them', () => {
    const nodes = [
      { op: 'Relu', inputs: ['x'], output: 't' },
      { op: 'Relu', inputs: ['t'], output: 'y' },
    ];
    assert.throws(() => stageOf(partsOf({ ...ends, nodes }), 1, 2, new Map()), {
      code: 'MODEL_INVALID',
      message: /type of "t"/,
    });
  });

  it('are not those of a graph that is not well-formed', () => {
    const relu = (from: string, output: string) => ({ op: 'Relu', inputs: [from], output });
    for (const [nodes, message] of [
      [[relu('x', 't'), relu('y', 'u'), relu('u', 'y')], /wait for each other \(a cycle\)/],
      [[relu('x', 'y'), relu('x', 'y')], /"y" is made more than once/],
      [[relu('absent', 'y')], /Relu "y" reads "absent", which nothing in the graph makes/],
      [[relu('x', 't')], /output "y" is made by no node/],
    ] as const) {
      assert.throws(() => partsOf({ ...ends, nodes }), { code: 'MODEL_INVALID', message });
    }
  });

  it('follow the flow of data where the file lists nodes in another order', () => {
    const parts = partsOf({
      ...ends,
      nodes: [
        { op: 'Relu', inputs: ['b'], output: 'y' },
        { op: 'Tanh', inputs: ['a'], output: 'b' },
        { op: 'Sigmoid', inputs: ['x'], output: 'a' },
      ],
    });
    assert.deepEqual(
      parts.computing.map(({ node }) => node.opType),
      ['Sigmoid', 'Tanh', 'Relu'],
    );
  });
});
