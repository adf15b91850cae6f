// Who predicts: the shipped estimator, the same after calibration on the device, and simpler models of the same data.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { powerMargin } from '../../src/mapping/estimator/intervals/conformal';
import { estimatorOnnx } from '../../src/mapping/estimator/learned/estimator-onnx';
import type { NetworkRuns } from '../../src/mapping/estimator/learned/network-runs';
import { readEstimator } from '../../src/mapping/estimator/learned/read-estimator';
import { residualsOf } from '../../src/mapping/estimator/learned/residuals';
import { joinSets, trainingSetOf, type TrainingSet } from '../../src/mapping/estimator/learned/training-set';
import { EstimatorSession } from '../../src/mapping/planner/estimator-session';
import { calibrate, type CalibrationResult } from '../../src/mapping/training/calibration';
import { loadJax } from '../../src/mapping/training/jax';
import { Trainer } from '../../src/mapping/training/trainer';
import { packageRoot } from '../../src/models/package-root';
import type { SimulatedDevice } from '../../src/simulation/co-location/device';
import {
  mostNetworks,
  pretrainingPlan,
  pretrainingSamples,
} from '../../src/simulation/co-location/pretraining-samples';
import { coLocationSamples, type PoolNetwork } from '../../src/simulation/co-location/samples';
import type { Random } from '../../src/simulation/random';
import { fitTrees } from '../estimator/boosted-trees';
import { fitLinear } from '../estimator/linear-regression';
import { additive, meanValueAnalysis, tabularNetwork } from './estimators';

/** Co-locations that a calibration measures: sets of networks, and mappings of each. */
const calibrationSize = { workloads: 40, perWorkload: 5 } as const;

/** Something that predicts, with how far the power may be above its prediction in nine of ten cases, as a logarithm. */
export interface Predictor {
  readonly network: NetworkRuns;
  readonly lnPowerMargin: number;
}

export interface Learned {
  readonly shipped: Predictor;
  readonly calibrated: Predictor;
  readonly additive: Predictor;
  readonly meanValueAnalysis: Predictor;
  readonly calibration: Pick<CalibrationResult, 'kept' | 'epochs' | 'before' | 'after'>;
  readonly linear: Predictor;
  readonly trees: Predictor;
  /** What they learnt from. */
  readonly samples: { readonly calibration: number; readonly ofOtherDevices: number };
  readonly close: () => Promise<void>;
}

/** What the product takes where nothing was calibrated; see `LearnedEstimator`. */
const uncalibratedPowerMargin = Math.log(1.15);

/**
 * @param otherDevices simulated devices of the pretraining that linear regression and trees see (the estimator saw all of them)
 */
export async function learn(
  device: SimulatedDevice,
  pool: readonly PoolNetwork[],
  otherDevices: number,
  seed: number,
  random: Random,
): Promise<Learned> {
  const samples = coLocationSamples(device, pool, calibrationSize, random);
  const measured = trainingSetOf(samples, mostNetworks);
  const model = await readFile(join(packageRoot(), 'models', 'estimator', 'estimator.onnx'));
  const network = readEstimator(model);
  const tuner = new Trainer(await loadJax(), network);
  const calibration = await calibrate({ network, tuner, samples: measured, seed });

  const others: TrainingSet[] = [];
  for (const some of pretrainingSamples({ ...pretrainingPlan, devices: otherDevices })) {
    others.push(trainingSetOf(some, mostNetworks));
  }
  const all = joinSets([...others, measured]);
  // Baselines may measure as much again for their margin.
  const more = trainingSetOf(coLocationSamples(device, pool, calibrationSize, random), mostNetworks);
  const withMargin = async (one: NetworkRuns): Promise<Predictor> => {
    const { lnPower } = residualsOf(more, await one.run(more.features, more.mask, more.count, more.slots));
    return { network: one, lnPowerMargin: powerMargin(lnPower) ?? 0 };
  };
  const [before, after] = [
    await EstimatorSession.open(model),
    await EstimatorSession.open(estimatorOnnx(calibration.network)),
  ];
  return {
    shipped: { network: before, lnPowerMargin: uncalibratedPowerMargin },
    calibrated: { network: after, lnPowerMargin: calibration.intervals.lnPowerMargin ?? uncalibratedPowerMargin },
    additive: await withMargin(additive),
    meanValueAnalysis: await withMargin(meanValueAnalysis),
    linear: await withMargin(tabularNetwork(fitLinear, all)),
    trees: await withMargin(tabularNetwork(fitTrees, all)),
    calibration,
    samples: { calibration: measured.count, ofOtherDevices: all.count - measured.count },
    close: async () => {
      await before.close();
      await after.close();
    },
  };
}
