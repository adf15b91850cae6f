import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { estimatorOnnx } from '../../../../src/mapping/estimator/learned/estimator-onnx';
import type { LnRatios } from '../../../../src/mapping/estimator/learned/network-runs';
import { readEstimator } from '../../../../src/mapping/estimator/learned/read-estimator';
import { trainingSetOf, type TrainingSet } from '../../../../src/mapping/estimator/learned/training-set';
import { calibrate, type FineTuner, type FoldOutcome } from '../../../../src/mapping/training/calibration';
import { calibrateInProcess } from '../../../../src/mapping/training/training-process';
import { EcomapError } from '../../../../src/signals/errors';
import { fewSamples } from '../../../support/co-location-fixtures';
import { untrained } from '../../../support/estimator-networks';
import { jaxOrSkip } from '../../../support/jax';

const samples = trainingSetOf(fewSamples(12, 5), 5);
const network = untrained(samples);

/** Predicts the truth times a factor that changes from epoch to epoch; knows nothing of networks. */
function fakeTuner(errorAt: (epoch: number) => number): FineTuner & { trainings: number; last: number | undefined } {
  const predictions = (set: TrainingSet, error: number): LnRatios => ({
    latency: set.lnLatencyRatio.map((value, cell) => value + error * (cell % 2 === 0 ? 1 : -1)),
    power: set.lnPowerRatio.map((value) => value + error / 4),
  });
  const lossOf = (set: TrainingSet, { power }: LnRatios): number =>
    set.lnPowerRatio.reduce((sum, value, row) => sum + Math.abs(value - (power[row] ?? 0)), 0) / set.count;
  const tuner = {
    trainings: 0,
    last: undefined as number | undefined,
    predict: (set: TrainingSet) => Promise.resolve(predictions(set, errorAt(0))),
    lossOf,
    train: async ({ heldOut, settings, stopAfterEpoch, onEpoch }: Parameters<FineTuner['train']>[0]) => {
      tuner.trainings += 1;
      tuner.last = stopAfterEpoch;
      for (let epoch = 1; epoch <= (stopAfterEpoch ?? settings.epochs); epoch += 1) {
        const predicted = heldOut === null ? null : predictions(heldOut, errorAt(epoch));
        const heldOutLoss = heldOut === null || predicted === null ? null : lossOf(heldOut, predicted);
        const report = {
          epoch,
          epochs: settings.epochs,
          trainLoss: 0,
          heldOutLoss,
          heldOut: predicted,
          secondsLeft: 0,
        };
        await onEpoch?.(report, () => {
          throw new Error('not asked for');
        });
      }
      return { ...network, weights: { ...network.weights, 'norm.shift': new Float32Array(8).fill(7) } };
    },
  };
  return tuner;
}

describe('calibration', () => {
  it('keeps what it learned where the held-out error falls, after the best number of epochs', async () => {
    const tuner = fakeTuner((epoch) => 0.2 - 0.01 * Math.min(epoch, 8) + 0.01 * Math.max(0, epoch - 8));
    const result = await calibrate({ network, tuner, samples, seed: 1 });
    assert.ok(result.kept && result.reason === null);
    assert.equal(result.epochs, 8);
    assert.equal(tuner.last, 8);
    assert.equal(result.network.weights['norm.shift']?.[0], 7);
    assert.ok(result.after.latencyMapePct < 0.7 * result.before.latencyMapePct);
    assert.equal(result.points.length, samples.mask.filter((present) => present === 1).length);
    const width = result.intervals.latency?.halfWidths[0] ?? Number.NaN;
    assert.ok(Math.abs(width - 0.12) < 1e-5, 'intervals come from held-out errors');
  });

  it('stays with the old weights where it does not', async () => {
    const tuner = fakeTuner((epoch) => 0.1 + 0.001 * epoch);
    const result = await calibrate({ network, tuner, samples, seed: 1 });
    assert.equal(result.kept, false);
    assert.equal(result.network, network);
    assert.equal(tuner.trainings, 4);
    assert.deepEqual(result.after, result.before);
    assert.ok(Math.abs((result.intervals.latency?.halfWidths[0] ?? 0) - 0.1) < 1e-5);
  });

  it('stays with the old weights, and says so, when the training diverges', async () => {
    const tuner = fakeTuner(() => 0.1);
    const diverging = { ...tuner, train: () => Promise.reject(new EcomapError('INTERNAL_ERROR', 'it diverged')) };
    const result = await calibrate({ network, tuner: diverging, samples, seed: 1 });
    assert.equal(result.network, network);
    assert.equal(result.reason, 'it diverged');
    assert.ok(result.intervals.latency !== null);
  });

  it('learns for longer where the error still fell at the end, and where that is better', async () => {
    const still = await calibrate({
      network,
      tuner: fakeTuner((epoch) => 0.2 - 0.004 * Math.min(epoch, 40)),
      samples,
      seed: 1,
    });
    assert.ok(still.kept);
    assert.equal(still.epochs, 40);
    const tuner = fakeTuner((epoch) => 0.2 - 0.004 * Math.min(epoch, 20));
    const no = await calibrate({ network, tuner, samples, seed: 1 });
    assert.equal(no.epochs, 20);
    assert.equal(tuner.trainings, 4 + 4 + 1);
  });

  it('does not let power pay for worse latencies', async () => {
    const tuner = fakeTuner((epoch) => 0.1 + 0.01 * epoch);
    const better = { ...tuner, lossOf: (_: TrainingSet, { power }: LnRatios) => 1 - Math.abs(power[0] ?? 0) };
    const result = await calibrate({ network, tuner: better, samples, seed: 1 });
    assert.equal(result.kept, false);
  });

  it('asks for more than three workloads', async () => {
    const few = trainingSetOf(fewSamples(3, 5), 5);
    await assert.rejects(calibrate({ network, tuner: fakeTuner(() => 0), samples: few, seed: 1 }), {
      code: 'INVALID_CONFIG',
    });
  });

  it('goes on after the folds that it had finished', async () => {
    const errorAt = (epoch: number): number => 0.2 - 0.01 * Math.min(epoch, 12);
    let kept: readonly FoldOutcome[] = [];
    const first = await calibrate({
      network,
      tuner: fakeTuner(errorAt),
      samples,
      seed: 1,
      onFold: (finished) => {
        if (finished.length === 2) kept = [...finished];
      },
    });
    const tuner = fakeTuner(errorAt);
    const done: number[] = [];
    const second = await calibrate({
      network,
      tuner,
      samples,
      seed: 1,
      finished: kept,
      onProgress: (progress) => done.push(progress.done / progress.total),
    });
    assert.equal(tuner.trainings, 2 + 1);
    assert.deepEqual(second, first);
    assert.ok((done[0] ?? 0) > 0.4 && done.at(-1) === 1);
  });
});

describe('the process that trains', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-training-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const job = (stateFile: string | null) => ({ estimator: estimatorOnnx(network), samples, seed: 1, stateFile });

  it('calibrates, is cancelled, goes on, and cleans up', async function () {
    this.timeout(120_000);
    await jaxOrSkip(this);
    const stateFile = join(directory, 'state');
    const cancel = new AbortController();
    await assert.rejects(
      calibrateInProcess(job(stateFile), {
        signal: cancel.signal,
        onProgress: ({ done, total }) => {
          if (done / total > 0.25) cancel.abort(new Error('changed my mind'));
        },
      }),
      /changed my mind/,
    );
    assert.ok((await stat(stateFile)).size > 0);
    const progress: number[] = [];
    const { report, estimator } = await calibrateInProcess(job(stateFile), {
      onProgress: ({ done, total, secondsLeft }) => {
        progress.push(done / total);
        assert.ok(secondsLeft >= 0);
      },
    });
    assert.ok((progress[0] ?? 0) > 0.2, 'it began where it had been stopped');
    assert.equal(report.samples, samples.count);
    assert.ok(report.kept && report.after.latencyMapePct < report.before.latencyMapePct, JSON.stringify(report.after));
    assert.ok(estimator !== null);
    assert.notDeepEqual(readEstimator(estimator).weights, network.weights);
    assert.deepEqual(readEstimator(estimator).scaling.featureMean, network.scaling.featureMean);
    await assert.rejects(stat(stateFile));
  });

  it('begins anew where its state is damaged, and names an estimator that is none', async function () {
    this.timeout(60_000);
    await jaxOrSkip(this);
    const stateFile = join(directory, 'state');
    await writeFile(stateFile, (await readFile(__filename)).subarray(0, 100));
    const cancel = new AbortController();
    let first = 0;
    await assert.rejects(
      calibrateInProcess(job(stateFile), {
        signal: cancel.signal,
        onProgress: ({ done }) => {
          first = done;
          cancel.abort(new Error('seen enough'));
        },
      }),
      /seen enough/,
    );
    assert.equal(first, 1);
    await assert.rejects(calibrateInProcess({ ...job(null), estimator: new Uint8Array([1, 2, 3]) }), {
      code: 'MODEL_INVALID',
    });
  });

  it('is reported when it dies', async () => {
    const script = join(directory, 'dies.js');
    await writeFile(script, 'console.error("out of memory"); process.exit(9);');
    await assert.rejects(calibrateInProcess(job(null), { program: { script, execArgv: [] } }), {
      code: 'HOST_CRASHED',
      message: /exit code 9.*out of memory/,
    });
  });
});
