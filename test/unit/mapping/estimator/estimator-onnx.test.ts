import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoLocationEstimator } from '../../../../src/mapping/estimator/learned/co-location-estimator';
import { estimatorOnnx } from '../../../../src/mapping/estimator/learned/estimator-onnx';
import { CoLocationFeatures, featureCount } from '../../../../src/mapping/estimator/learned/features';
import { defaultShape } from '../../../../src/mapping/estimator/learned/network-shape';
import { PreparedCoLocation } from '../../../../src/mapping/estimator/learned/prepared-co-location';
import { readEstimator } from '../../../../src/mapping/estimator/learned/read-estimator';
import { trainingSetOf } from '../../../../src/mapping/estimator/learned/training-set';
import { EstimatorSession } from '../../../../src/mapping/planner/estimator-session';
import { Trainer } from '../../../../src/mapping/training/trainer';
import { packageRoot } from '../../../../src/models/package-root';
import { parseModel } from '../../../../src/models/onnx/model';
import type { CoLocation, CoLocationMapping } from '../../../../src/signals/co-location';
import { fewSamples, reordered } from '../../../support/co-location-fixtures';
import { untrained } from '../../../support/estimator-networks';
import { jaxOrSkip } from '../../../support/jax';

const samples = fewSamples(10, 3);
const set = trainingSetOf(samples, 5);
const network = untrained(set, defaultShape);
const closeTo = (a: number, b: number, limit = 1e-5): boolean => Math.abs(a - b) <= limit;

describe('the estimator as ONNX', () => {
  it('says in onnxruntime what it says in the trainer', async function () {
    this.timeout(60_000);
    const trained = await new Trainer(await jaxOrSkip(this), network).predict(set);
    const session = await EstimatorSession.open(estimatorOnnx(network));
    const run = await session.run(set.features, set.mask, set.count, set.slots);
    await session.close();
    set.mask.forEach((present, cell) => {
      assert.ok(closeTo(run.latency[cell] ?? 1e9, present === 1 ? (trained.latency[cell] ?? 0) : 0), `cell ${cell}`);
    });
    run.power.forEach((value, row) => assert.ok(closeTo(value, trained.power[row] ?? 1e9), `row ${row}`));
  });

  it('is read back with all its weights', () => {
    const back = readEstimator(estimatorOnnx(network));
    assert.deepEqual(back.shape, network.shape);
    assert.deepEqual({ ...back.weights }, { ...network.weights });
    assert.deepEqual(back.scaling.featureMean, network.scaling.featureMean);
    assert.ok(closeTo(back.scaling.latency.scale, network.scaling.latency.scale, 1e-7));
  });

  it('is refused when it is damaged, foreign, or of other features', async () => {
    const bytes = estimatorOnnx(network);
    assert.throws(() => readEstimator(bytes.subarray(0, 1000)), { code: 'MODEL_INVALID' });
    const foreign = await readFile(join(packageRoot(), 'models/gauge/tiny.onnx'));
    assert.throws(() => readEstimator(foreign), /trained with features of version unknown/);
    const older = Buffer.from(bytes);
    const at = older.indexOf('ecomap.features') + 'ecomap.features'.length + 2;
    older[at] = '0'.charCodeAt(0);
    assert.throws(() => readEstimator(older), /features of version 0/);
    const broken = { ...network.weights, 'latency2.bias': new Float32Array([Number.NaN]) };
    assert.throws(() => estimatorOnnx({ ...network, weights: broken }), { code: 'MODEL_INVALID' });
    await assert.rejects(EstimatorSession.open(new Uint8Array([1, 2, 3])), { code: 'MODEL_INVALID' });
  });

  it('leaves numbers of candidates and of tenants free', () => {
    const { graph } = parseModel(estimatorOnnx(network));
    assert.deepEqual(graph.inputs[0]?.tensorType?.dims, ['batch', 'slots', featureCount]);
  });
});

describe('predictions of mappings', () => {
  let session: EstimatorSession;
  let estimator: CoLocationEstimator;
  before(async () => {
    session = await EstimatorSession.open(estimatorOnnx(network));
    estimator = new CoLocationEstimator(session);
  });
  after(() => session.close());

  it('follow the tenants when their order changes', async () => {
    const sample = samples.find(({ networks }) => networks.length >= 3);
    assert.ok(sample !== undefined);
    const order = sample.networks.map((_, index) => (index + 1) % sample.networks.length);
    const other = reordered(sample, order);
    const predict = (of: CoLocation & { readonly mapping: CoLocationMapping }) =>
      estimator.predict(new CoLocationFeatures(new PreparedCoLocation(of)), [of.mapping]);
    const [straight, turned] = [await predict(sample), await predict(other)];
    order.forEach((from, to) => {
      const [a = 0, b = 0] = [straight.latencyS[from], turned.latencyS[to]];
      assert.ok(a > 0 && closeTo(a / b, 1));
    });
    assert.ok(closeTo((straight.powerW[0] ?? 0) / (turned.powerW[0] ?? 1), 1));
  });

  it('are the same one by one and many at once, for one tenant and for twelve', async () => {
    const [sample] = samples;
    const network = sample?.networks[0];
    assert.ok(sample !== undefined && network !== undefined);
    for (const count of [1, 12]) {
      const networks = new Array<typeof network>(count).fill(network);
      const mappings = Array.from({ length: 300 }, (_, index) =>
        networks.map(({ stages }, item) => stages.map((_stage, stage) => (index + item * stage) % 3)),
      );
      const features = new CoLocationFeatures(new PreparedCoLocation({ device: sample.device, networks }));
      const all = await estimator.predict(features, mappings);
      for (const row of [0, 255, 256, 299]) {
        const one = await estimator.predict(features, mappings.slice(row, row + 1));
        assert.ok(closeTo((one.powerW[0] ?? 0) / (all.powerW[row] ?? 1), 1));
        assert.ok(closeTo((one.latencyS[count - 1] ?? 0) / (all.latencyS[row * count + count - 1] ?? 1), 1));
      }
    }
  });

  it('are unknown where a cost is', async () => {
    const [sample] = samples;
    assert.ok(sample !== undefined);
    const networks = sample.networks.map((network) => ({
      ...network,
      stages: network.stages.map((stage) => ({ ...stage, alone: [null, ...stage.alone.slice(1)] })),
    }));
    const features = new CoLocationFeatures(new PreparedCoLocation({ ...sample, networks }));
    const on = (at: number) => networks.map(({ stages }) => stages.map(() => at));
    const { latencyS, powerW } = await estimator.predict(features, [on(1), on(0)]);
    const count = networks.length;
    assert.ok(latencyS.slice(0, count).every(Number.isFinite) && Number.isFinite(powerW[0]));
    assert.ok(latencyS.slice(count).every(Number.isNaN) && Number.isNaN(powerW[1]));
  });
});
