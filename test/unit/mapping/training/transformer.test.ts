import assert from 'node:assert/strict';
import { elements, weightShapes, type Weights } from '../../../../src/mapping/estimator/learned/network-shape';
import { trainingSetOf } from '../../../../src/mapping/estimator/learned/training-set';
import type { JaxArray } from '../../../../src/mapping/training/jax';
import { Trainer } from '../../../../src/mapping/training/trainer';
import { Transformer } from '../../../../src/mapping/training/transformer';
import { Random } from '../../../../src/simulation/random';
import { fewSamples } from '../../../support/co-location-fixtures';
import { tinyShape, untrained } from '../../../support/estimator-networks';
import { jaxOrSkip } from '../../../support/jax';

describe('the transformer in jax-js', () => {
  const set = trainingSetOf(fewSamples(8, 3), 5);
  const network = untrained(set);

  // jax-js asks for this class, which Node.js has from 24 on, when numbers are neither float32 nor int32.
  const hasHalves = 'Float16Array' in globalThis;
  before(() => {
    if (!hasHalves) Object.assign(globalThis, { Float16Array: class {} });
  });
  after(() => {
    if (!hasHalves) Reflect.deleteProperty(globalThis, 'Float16Array');
  });

  it('has the gradient that finite differences show', async function () {
    this.timeout(60_000);
    const jax = await jaxOrSkip(this);
    const { numpy: np } = jax;
    const shape = { ...tinyShape, features: 3 };
    const random = new Random(4);
    // In double precision, so that steps are small enough not to cross the kink of a ReLU.
    const array = (dims: readonly number[], values: () => number): JaxArray =>
      np.array(Array.from({ length: elements(dims) }, values), { dtype: np.float64 }).reshape([...dims]);
    const shapes = weightShapes(shape);
    const weights = shapes.map(([, dims]) =>
      Float64Array.from({ length: elements(dims) }, () => random.uniform(-0.6, 0.6)),
    );
    const upload = (): JaxArray[] =>
      weights.map((values, index) =>
        np.array([...values], { dtype: np.float64 }).reshape([...(shapes[index]?.[1] ?? [])]),
      );
    const x = array([4, 3, 3], () => random.normal());
    const present = [1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 1, 1];
    const mask = array([4, 3], () => present.shift() ?? 0);
    // Far enough out for the part of the loss that grows in proportion.
    const [latency, power] = [array([4, 3], () => random.normal(0, 3)), array([4], () => random.normal(0, 3))];
    const transformer = new Transformer(jax, shape);
    const loss = (list: JaxArray[]): JaxArray => transformer.loss(list, [x.ref, mask.ref, latency.ref, power.ref]);
    const [, gradient] = jax.valueAndGrad(loss)(upload());

    // Along a random direction of one weight after the other.
    const step = 2e-5;
    for (const [index, [name]] of shapes.entries()) {
      const values = weights[index];
      const slopes = await gradient[index]?.data();
      assert.ok(values !== undefined && slopes !== undefined);
      const direction = values.map(() => random.normal());
      const slope = slopes.reduce((sum: number, value: number, at: number) => sum + value * (direction[at] ?? 0), 0);
      const moved = async (factor: number): Promise<number> => {
        const kept = values.slice();
        values.forEach((value, at) => (values[at] = value + factor * step * (direction[at] ?? 0)));
        const [result = Number.NaN] = await loss(upload()).data();
        values.set(kept);
        return result;
      };
      const numeric = ((await moved(1)) - (await moved(-1))) / (2 * step);
      assert.ok(
        Math.abs(numeric - slope) < 1e-4 + 1e-3 * Math.abs(numeric),
        `${name}: ${slope} but differences say ${numeric}`,
      );
    }
  });

  it('predicts the same of a network wherever it stands in the list, and whatever stands in the padding', async function () {
    this.timeout(60_000);
    const trainer = new Trainer(await jaxOrSkip(this), network);
    const before = await trainer.predict(set);
    const turned = { ...set, features: set.features.slice(), mask: set.mask.slice() };
    const width = tinyShape.features;
    for (let row = 0; row < set.count; row += 1) {
      for (let slot = 0; slot < set.slots; slot += 1) {
        const [from, to] = [row * set.slots + slot, (row + 1) * set.slots - 1 - slot];
        turned.features.set(set.features.subarray(from * width, (from + 1) * width), to * width);
        turned.mask[to] = set.mask[from] ?? 0;
        if (set.mask[from] !== 1) turned.features.fill(1e3, to * width, (to + 1) * width);
      }
    }
    const after = await trainer.predict(turned);
    set.mask.forEach((present, cell) => {
      if (present !== 1) return;
      const row = Math.floor(cell / set.slots);
      const other = (row + 1) * set.slots - 1 - (cell % set.slots);
      assert.ok(Math.abs((before.latency[cell] ?? 0) - (after.latency[other] ?? 0)) < 1e-5);
    });
    before.power.forEach((value, row) => assert.ok(Math.abs(value - (after.power[row] ?? 0)) < 1e-5));
  });

  it('learns, the same for the same seed, and goes on after an interruption as if there had been none', async function () {
    this.timeout(60_000);
    const jax = await jaxOrSkip(this);
    const settings = {
      epochs: 4,
      learningRate: 3e-3,
      batch: 8,
      seed: 2,
      leastSteps: 0,
      warmUpSteps: 2,
      patience: null,
    };
    const losses: number[] = [];
    const trainer = new Trainer(jax, network);
    const whole = await trainer.train({
      train: set,
      heldOut: null,
      settings,
      onEpoch: ({ trainLoss }) => void losses.push(trainLoss),
    });
    assert.ok((losses.at(-1) ?? 1) < 0.9 * (losses[0] ?? 0), losses.join(' '));

    let middle: Parameters<Trainer['train']>[0]['resume'] = null;
    await assert.rejects(
      new Trainer(jax, network).train({
        train: set,
        heldOut: null,
        settings,
        onEpoch: ({ epoch }, state) => {
          if (epoch !== 2) return;
          middle = state();
          throw new Error('power cut');
        },
      }),
      /power cut/,
    );
    const resumed = await new Trainer(jax, network).train({ train: set, heldOut: null, settings, resume: middle });
    for (const [name, values] of Object.entries<Float32Array>(whole.weights as Record<string, Float32Array>)) {
      values.forEach((value, at) => assert.ok(Math.abs(value - (resumed.weights[name]?.[at] ?? 1e9)) < 1e-6, name));
    }
  });

  it('refuses to go on when the loss is no number', async function () {
    this.timeout(60_000);
    const jax = await jaxOrSkip(this);
    const broken: Weights = { ...network.weights, 'input.bias': new Float32Array(8).fill(Number.NaN) };
    const settings = {
      epochs: 1,
      learningRate: 1e-3,
      batch: 8,
      seed: 1,
      leastSteps: 0,
      warmUpSteps: 1,
      patience: null,
    };
    await assert.rejects(
      new Trainer(jax, { ...network, weights: broken }).train({ train: set, heldOut: null, settings }),
      { code: 'INTERNAL_ERROR' },
    );
  });
});
