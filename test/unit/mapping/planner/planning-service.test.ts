import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { estimatorKeys, estimatorOnnx } from '../../../../src/mapping/estimator/learned/estimator-onnx';
import { featuresVersion } from '../../../../src/mapping/estimator/learned/features';
import { trainingSetOf } from '../../../../src/mapping/estimator/learned/training-set';
import { PlanningService, type OpenNetwork } from '../../../../src/mapping/planner/planning-service';
import type { WantedEstimator } from '../../../../src/mapping/planner/protocol';
import { EcomapError } from '../../../../src/signals/errors';
import { fewSamples } from '../../../support/co-location-fixtures';
import { untrained } from '../../../support/estimator-networks';
import { tenant } from '../../../support/planning-fixtures';
import { counted, questionOf } from '../../../support/planning-questions';

const small = estimatorOnnx(untrained(trainingSetOf(fewSamples(2, 1), 5)));

describe('the service that plans', () => {
  let directory: string;
  const opened: Uint8Array[] = [];
  let open = 0;

  /** Says that the analytic model behind the network is right. */
  const agreeing = (model: Uint8Array): Promise<OpenNetwork> => {
    opened.push(model);
    open += 1;
    return Promise.resolve({
      run: (_, mask, batch) =>
        Promise.resolve({ latency: new Float32Array(mask.length), power: new Float32Array(batch) }),
      close: () => Promise.resolve(void (open -= 1)),
    });
  };
  const service = (more: Partial<ConstructorParameters<typeof PlanningService>[0]> = {}) =>
    new PlanningService({ open: agreeing, ...more });
  const calibrated = (bytes: Uint8Array): WantedEstimator => ({
    kind: 'calibrated',
    source: { model: { bytes }, intervals: { latency: null, lnPowerMargin: 0.02 } },
  });
  /** The features' version is the only text that stands behind its key: raised by one. */
  const newer = (): Uint8Array => {
    const bytes = Buffer.from(small);
    const key = estimatorKeys.featuresVersion;
    const at = bytes.indexOf(key);
    assert.ok(at > 0, 'the file says its version');
    const digit = bytes.indexOf(String(featuresVersion), at + key.length);
    bytes.write(String(featuresVersion + 1), digit);
    return bytes;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-service-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('predicts with the shipped estimator, and says so in the plan', async () => {
    const planning = service();
    assert.deepEqual(await planning.setEstimator({ kind: 'shipped' }), { name: 'learned (shipped)', problems: [] });
    const { plan } = await planning.solve(counted(await questionOf([tenant('inspect'), tenant('gauge')])));
    assert.equal(plan.search.estimator, 'learned (shipped)');
    assert.equal(plan.feasible, true);
  });

  it('swaps the estimator while it works, from bytes or a file, and gives the one before back', async () => {
    const planning = service();
    open = 0;
    await planning.setEstimator({ kind: 'shipped' });
    assert.equal((await planning.setEstimator(calibrated(small))).name, 'learned (calibrated)');
    const path = join(directory, 'estimator.onnx');
    await writeFile(path, small);
    const source = { model: { path }, intervals: { latency: null, lnPowerMargin: null } };
    assert.equal((await planning.setEstimator({ kind: 'calibrated', source })).name, 'learned (calibrated)');
    assert.equal(open, 1);
    assert.equal((await planning.setEstimator({ kind: 'analytic' })).name, 'analytic');
    assert.equal(open, 0);
    const { plan } = await planning.solve(counted(await questionOf([tenant('inspect')])));
    assert.equal(plan.search.estimator, 'analytic');
    assert.ok(!plan.why.some((why) => why.includes('queueing model')));
  });

  it('falls back to the shipped one when the calibrated one is damaged, from a newer version, or gone', async () => {
    const gone = { path: join(directory, 'gone.onnx') };
    for (const [wanted, code, reason] of [
      [calibrated(small.subarray(0, small.length >> 1)), 'MODEL_INVALID', /not used/],
      [calibrated(new Uint8Array()), 'MODEL_INVALID', /holds no graph/],
      [calibrated(newer()), 'MODEL_INVALID', /version 2.*calibrate again/],
      [
        { kind: 'calibrated', source: { model: gone, intervals: { latency: null, lnPowerMargin: null } } },
        'MODEL_NOT_FOUND',
        /cannot be read/,
      ],
    ] as [WantedEstimator, string, RegExp][]) {
      const { name, problems } = await service().setEstimator(wanted);
      assert.equal(name, 'learned (shipped)');
      assert.deepEqual(
        problems.map((problem) => problem.code),
        [code],
      );
      assert.match(problems[0]?.message ?? '', reason);
    }
  });

  it('plans with the queueing model, and says why, where no learned estimator runs', async () => {
    const planning = service({
      open: () => Promise.reject(new EcomapError('RUNTIME_UNAVAILABLE', 'onnxruntime-node is not installed.')),
    });
    const { name, problems } = await planning.setEstimator({ kind: 'shipped' });
    assert.equal(name, 'analytic');
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['RUNTIME_UNAVAILABLE'],
    );
    const { plan } = await planning.solve(counted(await questionOf([tenant('inspect')])));
    assert.equal(plan.search.estimator, 'analytic');
    assert.ok(plan.why.some((why) => why.includes('onnxruntime-node is not installed')));
  });

  it('asks the queueing model about tenants that the learned one knows too little of, and names them', async () => {
    const planning = service();
    await planning.setEstimator({ kind: 'shipped' });
    const { plan } = await planning.solve(await questionOf([tenant('inspect')]));
    assert.equal(plan.search.estimator, 'analytic');
    assert.ok(plan.why.some((why) => /queueing model.*inspect full/.test(why)));
  });
});
