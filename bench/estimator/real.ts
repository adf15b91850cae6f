import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EstimatorNetwork } from '../../src/mapping/estimator/learned/network-shape';
import type { LnRatios } from '../../src/mapping/estimator/learned/network-runs';
import { readEstimator } from '../../src/mapping/estimator/learned/read-estimator';
import { residualsOf } from '../../src/mapping/estimator/learned/residuals';
import { trainingSetOf, type TrainingSet } from '../../src/mapping/estimator/learned/training-set';
import { halfWidthAt } from '../../src/mapping/estimator/intervals/conformal';
import { floorPctOf } from '../../src/mapping/calibration/learning';
import { calibrate } from '../../src/mapping/training/calibration';
import type { JaxModule } from '../../src/mapping/training/jax';
import { Trainer } from '../../src/mapping/training/trainer';
import { packageRoot } from '../../src/models/package-root';
import type { CoLocationSample } from '../../src/signals/co-location';
import { rounded } from '../report';
import { fitTrees } from './boosted-trees';
import { fitLinear } from './linear-regression';
import { measureReal } from './real/measure';
import { scoresOf, type Scores } from './scores';
import { tabularPredictions } from './tabular';

const slots = 5;
/** With fewer samples that count on either side there is nothing to say. */
const leastSamples = 40;
/** To learn from and to test with, by workload. */
const sizes = { train: 160, heldOut: 100, generated: 12 } as const;

export interface RealResult {
  readonly figures: Readonly<Record<string, number | null>>;
  readonly setup: Readonly<Record<string, unknown>>;
}

/**
 * Real co-locations on this machine: networks profiled alone, measured together, and predicted on workloads that were held out.
 * @param keep a directory to keep measurements in, for another evaluation of the same; null measures afresh
 */
export async function realPart(
  jax: JaxModule,
  seed: number,
  keep: string | null,
  say: (text: string) => void,
): Promise<RealResult> {
  const directory = keep ?? (await mkdtemp(join(tmpdir(), 'ecomap-real-')));
  try {
    const { train: forTraining, heldOut: forTest, generated } = sizes;
    const measured = await measureReal({ directory, samples: forTraining + forTest, generated, seed, say });
    const { plan, judged } = measured;
    const samples = [...judged.good.values()].flatMap(({ sample }) => (sample === null ? [] : [sample]));
    // Workloads are random already: the last ones are held out.
    const workloads = 1 + plan.reduce((most, { workload }) => Math.max(most, workload), 0);
    const firstHeldOut = Math.round((workloads * forTraining) / (forTraining + forTest));
    const isHeldOut = ({ workload }: CoLocationSample): boolean => workload >= firstHeldOut;
    const train = trainingSetOf(
      samples.filter((sample) => !isHeldOut(sample)),
      slots,
    );
    const test = trainingSetOf(samples.filter(isHeldOut), slots);

    if (Math.min(train.count, test.count) < leastSamples) {
      const reason =
        `other programs changed the speed of this machine: ${judged.setAside.length} of ${plan.length} co-locations do ` +
        'not count; measure again when it is quiet';
      say(reason);
      return { figures: noFigures, setup: { source: 'measured on this machine', seed, reason } };
    }
    const shipped = readEstimator(await readFile(join(packageRoot(), 'models', 'estimator', 'estimator.onnx')));
    const rows = baselines(train, test);
    const trees = rows['boosted trees'];
    const outcome = await calibrated(jax, shipped, train, test, seed);
    const { before, after } = outcome;
    const additive = rows['additive'];
    const floorPct = floorPctOf(plan, judged);
    printRows({ ...rows, 'transformer as shipped': before, 'transformer calibrated': after });
    return {
      figures: {
        realMapePct: rounded(after.latencyMapePct),
        realTau: rounded(after.tau, 3),
        realVsAdditive: rounded((additive?.latencyMapePct ?? 0) / after.latencyMapePct),
        realVsTrees: rounded((trees?.latencyMapePct ?? 0) / after.latencyMapePct),
        realFloorPct: floorPct === null ? null : rounded(floorPct),
        realBeforeMapePct: rounded(before.latencyMapePct),
        realPowerMapePct: rounded(after.powerMapePct),
        realCoveragePct: outcome.coveragePct,
      },
      setup: {
        source: 'measured on this machine; power as its meter has it',
        seed,
        train: train.count,
        heldOut: test.count,
        workloads: { train: firstHeldOut, heldOut: workloads - firstHeldOut },
        setAside: judged.setAside.length,
        networks: measured.networks,
        components: measured.components,
        measuringS: rounded(measured.seconds, 0),
        eventLoopDelayMs: {
          p99: rounded(measured.eventLoopDelayMs.p99, 1),
          maximum: rounded(measured.eventLoopDelayMs.maximum, 1),
        },
        epochs: outcome.epochs,
        kept: outcome.kept,
        table: Object.fromEntries(
          Object.entries({ ...rows, shipped: before, calibrated: after }).map(([name, scores]) => [
            name,
            rows3(scores),
          ]),
        ),
      },
    };
  } finally {
    if (keep === null) await rm(directory, { recursive: true, force: true });
  }
}

/** Unknown, where too little counts. */
const noFigures = {
  realMapePct: null,
  realTau: null,
  realVsAdditive: null,
  realVsTrees: null,
  realFloorPct: null,
  realBeforeMapePct: null,
  realPowerMapePct: null,
  realCoveragePct: null,
};

const rows3 = ({ latencyMapePct, tau, powerMapePct }: Scores) => ({
  latencyMapePct: rounded(latencyMapePct),
  tau: rounded(tau, 3),
  powerMapePct: rounded(powerMapePct),
});

/** What learns nothing, and what learns of the same measurements only. */
function baselines(train: TrainingSet, test: TrainingSet): Record<string, Scores> {
  const additive: LnRatios = { latency: test.lnSharedOverAlone.map((value) => -value), power: test.lnAdditivePower };
  const nothing: LnRatios = { latency: new Float32Array(test.mask.length), power: new Float32Array(test.count) };
  const [linear] = tabularPredictions(fitLinear, train, [test]);
  const [trees] = tabularPredictions(fitTrees, train, [test]);
  return {
    additive: scoresOf(test, additive),
    'mean value analysis': scoresOf(test, nothing),
    'linear regression': scoresOf(test, linear ?? nothing),
    'boosted trees': scoresOf(test, trees ?? nothing),
  };
}

async function calibrated(
  jax: JaxModule,
  shipped: EstimatorNetwork,
  train: TrainingSet,
  test: TrainingSet,
  seed: number,
): Promise<{ before: Scores; after: Scores; coveragePct: number | null; epochs: number; kept: boolean }> {
  const tuner = new Trainer(jax, shipped);
  const before = scoresOf(test, await tuner.predict(test));
  const { network, intervals, epochs, kept } = await calibrate({ network: shipped, tuner, samples: train, seed });
  const predicted = await tuner.predict(test, network.weights);
  const { latency: bins } = intervals;
  const { latency: residuals } = residualsOf(test, predicted);
  const within = residuals.filter(
    ({ lnError, lnSlowdown }) => bins !== null && Math.abs(lnError) <= halfWidthAt(bins, lnSlowdown),
  );
  return {
    before,
    after: scoresOf(test, predicted),
    coveragePct: bins === null ? null : rounded((100 * within.length) / residuals.length, 1),
    epochs,
    kept,
  };
}

function printRows(rows: Readonly<Record<string, Scores>>): void {
  console.log('real co-locations        latency MAPE %   Kendall tau   power MAPE %   (workloads that were held out)');
  for (const [name, { latencyMapePct, tau, powerMapePct }] of Object.entries(rows)) {
    const cells = [
      latencyMapePct.toFixed(1).padStart(12),
      tau.toFixed(3).padStart(14),
      powerMapePct.toFixed(1).padStart(13),
    ];
    console.log(`${name.padEnd(24)} ${cells.join('')}`);
  }
}
