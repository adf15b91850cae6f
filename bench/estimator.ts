// How well the estimator predicts what co-located networks do on simulated devices: on combinations and networks that it never
// saw, after calibration on a device that it never saw, with intervals; how fast; and beside it simpler models on the same data.
// Then the same of real networks on the cores of this machine, measured.
//   npm run bench -- estimator [--seed N] [--ablate] [--real] [--measured DIRECTORY]
//     --ablate    once more without measured sensitivities
//     --real      only the part on this machine, which takes about eight minutes and wants no other load
//     --measured  keeps what was measured there, and uses it again
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CoLocationSample } from '../src/signals/co-location';
import { binOf, conformalBins, halfWidthAt, powerMargin } from '../src/mapping/estimator/intervals/conformal';
import { CoLocationEstimator } from '../src/mapping/estimator/learned/co-location-estimator';
import { estimatorOnnx } from '../src/mapping/estimator/learned/estimator-onnx';
import { CoLocationFeatures } from '../src/mapping/estimator/learned/features';
import type { LnRatios, NetworkRuns } from '../src/mapping/estimator/learned/network-runs';
import { defaultShape, initialWeights, type EstimatorNetwork } from '../src/mapping/estimator/learned/network-shape';
import { PreparedCoLocation } from '../src/mapping/estimator/learned/prepared-co-location';
import { readEstimator } from '../src/mapping/estimator/learned/read-estimator';
import { residualsOf } from '../src/mapping/estimator/learned/residuals';
import { scalingOf } from '../src/mapping/estimator/learned/scaling';
import { trainingSetOf, type TrainingSet } from '../src/mapping/estimator/learned/training-set';
import { EstimatorSession } from '../src/mapping/planner/estimator-session';
import { calibrate } from '../src/mapping/training/calibration';
import { loadJax, type JaxModule } from '../src/mapping/training/jax';
import { pretraining, Trainer } from '../src/mapping/training/trainer';
import { packageRoot } from '../src/models/package-root';
import { quantile } from '../src/signals/statistics';
import {
  randomDevice,
  randomJetson,
  referenceDevice,
  type SimulatedDevice,
} from '../src/simulation/co-location/device';
import { jetsonSamples } from '../src/simulation/co-location/jetson-samples';
import { dataSplits, fullSplits, type DataSplits } from '../src/simulation/co-location/splits';
import { Random } from '../src/simulation/random';
import { fitTrees } from './estimator/boosted-trees';
import { fitLinear } from './estimator/linear-regression';
import { scoresOf, type Scores } from './estimator/scores';
import { tabularPredictions } from './estimator/tabular';
import { realPart } from './estimator/real';
import { printReport, rounded } from './report';

const slots = 5;
const seedAt = process.argv.indexOf('--seed');
const seed = seedAt < 0 ? 1 : Number(process.argv[seedAt + 1]);
const measuredAt = process.argv.indexOf('--measured');
const measuredDirectory = measuredAt < 0 ? null : (process.argv[measuredAt + 1] ?? null);
const say = (text: string): void => console.error(text);

type Sets = { readonly [Key in keyof DataSplits]: TrainingSet };

function setsOf(splits: DataSplits): Sets {
  const of = (samples: readonly CoLocationSample[]): TrainingSet => trainingSetOf(samples, slots);
  return { train: of(splits.train), val: of(splits.val), combo: of(splits.combo), new: of(splits.new) };
}

/** A whole set through the ONNX file, as the product runs it. */
async function predictSet(session: NetworkRuns, set: TrainingSet): Promise<LnRatios> {
  return session.run(set.features, set.mask, set.count, set.slots);
}

interface Row {
  readonly model: string;
  readonly combo: Scores;
  readonly new: Scores;
}

const zeroRatios = (set: TrainingSet): LnRatios => ({
  latency: new Float32Array(set.mask.length),
  power: new Float32Array(set.count),
});

/** The same data, simpler models. The analytic ones learn nothing: the ratio to V is 0 or A/V. */
function baselines({ train, combo, new: unseen }: Sets): Row[] {
  const additive = (set: TrainingSet): LnRatios => ({
    latency: set.lnSharedOverAlone.map((value) => -value),
    power: set.lnAdditivePower,
  });
  const rowOf = (model: string, predict: (set: TrainingSet) => LnRatios): Row => ({
    model,
    combo: scoresOf(combo, predict(combo)),
    new: scoresOf(unseen, predict(unseen)),
  });
  const rows = [rowOf('additive', additive), rowOf('mean value analysis', zeroRatios)];
  for (const [model, fit] of [
    ['linear regression', fitLinear],
    ['boosted trees', fitTrees],
  ] as const) {
    const [onCombo, onUnseen] = tabularPredictions(fit, train, [combo, unseen]);
    if (onCombo === undefined || onUnseen === undefined) continue;
    rows.push({ model, combo: scoresOf(combo, onCombo), new: scoresOf(unseen, onUnseen) });
  }
  return rows;
}

async function trainOn(jax: JaxModule, { train, val }: Sets): Promise<EstimatorNetwork> {
  const random = new Random(seed);
  const network = {
    shape: defaultShape,
    scaling: scalingOf(train),
    weights: initialWeights(defaultShape, () => random.uniform()),
  };
  return new Trainer(jax, network).train({
    train,
    heldOut: val,
    settings: { ...pretraining, seed },
    onEpoch: ({ epoch, epochs, heldOutLoss, secondsLeft }) => {
      if (epoch % 10 === 0)
        say(`epoch ${epoch}/${epochs}: ${heldOutLoss?.toFixed(4)}, ${secondsLeft.toFixed(0)} s left`);
    },
  });
}

interface Coverage {
  readonly pct: number;
  readonly worstBinPct: number;
  readonly binsPct: readonly number[];
  readonly powerPct: number;
}

/** Intervals from the errors on `val`, held to another set. */
function coverageOf(val: TrainingSet, onVal: LnRatios, test: TrainingSet, onTest: LnRatios): Coverage {
  const calibration = residualsOf(val, onVal);
  const bins = conformalBins(calibration.latency);
  const margin = powerMargin(calibration.lnPower);
  if (bins === null || margin === null) throw new Error('too little data for intervals');
  const inside = bins.halfWidths.map(() => 0);
  const all = bins.halfWidths.map(() => 0);
  const residuals = residualsOf(test, onTest);
  for (const { lnError, lnSlowdown } of residuals.latency) {
    const bin = binOf(bins.cuts, lnSlowdown);
    all[bin] = (all[bin] ?? 0) + 1;
    if (Math.abs(lnError) <= halfWidthAt(bins, lnSlowdown)) inside[bin] = (inside[bin] ?? 0) + 1;
  }
  const binsPct = inside.map((count, bin) => (100 * count) / (all[bin] ?? 1));
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  return {
    pct: (100 * sum(inside)) / sum(all),
    worstBinPct: binsPct.reduce((worst, pct) => (Math.abs(pct - 90) > Math.abs(worst - 90) ? pct : worst), 90),
    binsPct: binsPct.map((pct) => rounded(pct, 1)),
    powerPct: (100 * residuals.lnPower.filter((lnError) => lnError <= margin).length) / residuals.lnPower.length,
  };
}

interface Calibrated {
  readonly device: string;
  readonly additivePct: number;
  readonly meanValuePct: number;
  readonly zeroShotPct: number;
  readonly calibratedPct: number;
  readonly powerPct: number;
  readonly kept: boolean;
  readonly seconds: number;
  readonly coveragePct: number | null;
}

/**
 * Data of an unseen device: 200 measured co-locations (40 workloads), and combinations to test with. Devices of the make of the
 * reference device (what else varies is in `randomJetson`), and of any make (units that share or queue, any number of them).
 */
type UnseenDevice = readonly [device: string, train: readonly CoLocationSample[], combo: readonly CoLocationSample[]];

function unseenDevices(): UnseenDevice[] {
  const of = (make: 'jetson-like' | 'any make', count: number): [string, SimulatedDevice][] =>
    Array.from({ length: count }, (_, index) => {
      const random = new Random(910_001 + index);
      return [`${make} ${index + 1}`, make === 'any make' ? randomDevice(random) : randomJetson(random)];
    });
  const simulated = [...of('jetson-like', 5), ...of('any make', 4)];
  return simulated.map(([name, device], index) => {
    const sizes = { train: [40, 5], val: [1, 1], combo: [60, 10], new: [1, 1] } as const;
    const splits = dataSplits(device, 7000 + 10 * seed + index, sizes);
    return [name, splits.train, splits.combo];
  });
}

/** The same of boards that another simulator of another make stands for; see `jetsonSamples`. */
function unseenBoards(): UnseenDevice[] {
  return (['agx-xavier', 'agx-orin'] as const).map((board, index) => {
    const samples = jetsonSamples(board, { workloads: 100, perWorkload: 5 }, new Random(8000 + 10 * seed + index));
    const isTest = ({ workload }: CoLocationSample): boolean => workload >= 40;
    return [board, samples.filter((sample) => !isTest(sample)), samples.filter(isTest)];
  });
}

async function calibrateOn(
  jax: JaxModule,
  shipped: EstimatorNetwork,
  [device, trainSamples, comboSamples]: UnseenDevice,
): Promise<Calibrated> {
  const [train, combo] = [trainingSetOf(trainSamples, slots), trainingSetOf(comboSamples, slots)];
  const tuner = new Trainer(jax, shipped);
  const beganMs = performance.now();
  const result = await calibrate({ network: shipped, tuner, samples: train, seed });
  const seconds = (performance.now() - beganMs) / 1000;
  const onCombo = await tuner.predict(combo, result.network.weights);
  const after = scoresOf(combo, onCombo);
  const { latency: bins } = result.intervals;
  const { latency: residuals } = residualsOf(combo, onCombo);
  const within = residuals.filter(
    ({ lnError, lnSlowdown }) => bins !== null && Math.abs(lnError) <= halfWidthAt(bins, lnSlowdown),
  );
  const outcome = {
    device,
    additivePct: rounded(
      scoresOf(combo, { latency: combo.lnSharedOverAlone.map((value) => -value), power: combo.lnAdditivePower })
        .latencyMapePct,
    ),
    meanValuePct: rounded(scoresOf(combo, zeroRatios(combo)).latencyMapePct),
    zeroShotPct: rounded(scoresOf(combo, await tuner.predict(combo)).latencyMapePct),
    calibratedPct: rounded(after.latencyMapePct),
    powerPct: rounded(after.powerMapePct),
    kept: result.kept,
    seconds: rounded(seconds, 1),
    coveragePct: bins === null ? null : rounded((100 * within.length) / residuals.length, 1),
  };
  say(JSON.stringify(outcome));
  return outcome;
}

/**
 * Mappings of five networks per second of one core: features, network and all. By processor time, so that what else runs on the
 * machine does not count; median of several rounds.
 */
async function candidatesPerS(session: NetworkRuns, samples: readonly CoLocationSample[]): Promise<number> {
  const sample = samples.find(({ networks }) => networks.length === slots);
  if (sample === undefined) throw new Error('no sample has five networks');
  const random = new Random(seed);
  const mappings = Array.from({ length: 4096 }, () =>
    sample.networks.map(({ stages }) => stages.map(() => random.integer(0, sample.device.units.length - 1))),
  );
  const estimator = new CoLocationEstimator(session);
  const rates: number[] = [];
  for (let round = 0; round < 11; round += 1) {
    const began = process.cpuUsage();
    await estimator.predict(new CoLocationFeatures(new PreparedCoLocation(sample)), mappings);
    const { user, system } = process.cpuUsage(began);
    if (round > 0) rates.push((1e6 * mappings.length) / (user + system));
  }
  return quantile(rates, 0.5) ?? 0;
}

function printTable(rows: readonly Row[]): void {
  console.log(
    'model                  latency MAPE %    Kendall tau    power MAPE %    (unseen combinations / networks)',
  );
  for (const { model, combo, new: unseen } of rows) {
    const pair = (of: (scores: Scores) => number, digits: number): string =>
      `${of(combo).toFixed(digits)} / ${of(unseen).toFixed(digits)}`;
    const cells = [
      pair(({ latencyMapePct }) => latencyMapePct, 1).padStart(12),
      pair(({ tau }) => tau, 3).padStart(16),
      pair(({ powerMapePct }) => powerMapePct, 1).padStart(14),
    ];
    console.log(`${model.padEnd(22)} ${cells.join('  ')}`);
  }
}

async function main(): Promise<void> {
  const jax = await loadJax();
  if (process.argv.includes('--real')) {
    const { figures, setup } = await realPart(jax, seed, measuredDirectory, say);
    return printReport({ bench: 'estimator', figures, setup });
  }
  const splits = dataSplits(referenceDevice, seed);
  const sets = setsOf(splits);
  say(`${sets.train.count} samples to learn from, ${sets.combo.count} and ${sets.new.count} to test with`);
  const network = await trainOn(jax, sets);
  const session = await EstimatorSession.open(estimatorOnnx(network));
  const [onVal, onCombo, onNew] = [
    await predictSet(session, sets.val),
    await predictSet(session, sets.combo),
    await predictSet(session, sets.new),
  ];
  const [combo, unseen] = [scoresOf(sets.combo, onCombo), scoresOf(sets.new, onNew)];
  const rows = [...baselines(sets), { model: 'transformer', combo, new: unseen }];

  if (process.argv.includes('--ablate')) {
    // Without what stressor runs told of each network.
    const blind = setsOf(dataSplits(referenceDevice, seed, fullSplits, { withoutSensitivity: 1 }));
    const trained = new Trainer(jax, await trainOn(jax, blind));
    rows.push({
      model: '- no sensitivities',
      combo: scoresOf(blind.combo, await trained.predict(blind.combo)),
      new: scoresOf(blind.new, await trained.predict(blind.new)),
    });
  }
  printTable(rows);

  const coverage = coverageOf(sets.val, onVal, sets.combo, onCombo);
  const coverageNew = coverageOf(sets.val, onVal, sets.new, onNew);
  const shipped = readEstimator(await readFile(join(packageRoot(), 'models', 'estimator', 'estimator.onnx')));
  const calibrated: Calibrated[] = [];
  for (const device of unseenDevices()) calibrated.push(await calibrateOn(jax, shipped, device));
  const boards: Calibrated[] = [];
  for (const board of unseenBoards()) boards.push(await calibrateOn(jax, shipped, board));
  const mean = (make: string, of: (one: Calibrated) => number): number => {
    const rows = calibrated.filter(({ device }) => device.startsWith(make));
    return rounded(rows.reduce((sum, one) => sum + of(one), 0) / rows.length);
  };
  const rate = await candidatesPerS(session, splits.combo);
  await session.close();
  const real = await realPart(jax, seed, measuredDirectory, say);

  printReport({
    bench: 'estimator',
    figures: {
      comboMapePct: rounded(combo.latencyMapePct),
      comboTau: rounded(combo.tau, 3),
      newNetMapePct: rounded(unseen.latencyMapePct),
      newNetTau: rounded(unseen.tau, 3),
      calibrated200MapePct: mean('jetson-like', ({ calibratedPct }) => calibratedPct),
      zeroShotMapePct: mean('jetson-like', ({ zeroShotPct }) => zeroShotPct),
      calibrated200AnyMakeMapePct: mean('any make', ({ calibratedPct }) => calibratedPct),
      zeroShotAnyMakeMapePct: mean('any make', ({ zeroShotPct }) => zeroShotPct),
      powerMapePct: rounded((combo.powerMapePct + unseen.powerMapePct) / 2),
      coveragePct: rounded(coverage.pct, 1),
      coverageWorstBinPct: rounded(coverage.worstBinPct, 1),
      coverageBinsPct: coverage.binsPct,
      powerCoveragePct: rounded(coverage.powerPct, 1),
      coverageNewNetPct: rounded(coverageNew.pct, 1),
      coverageNewNetBinsPct: coverageNew.binsPct,
      candidatesPerS: Math.round(rate),
      ...real.figures,
    },
    setup: {
      source: 'simulated',
      seed,
      samples: { train: sets.train.count, val: sets.val.count, combo: sets.combo.count, newNet: sets.new.count },
      slots,
      calibrated,
      boards,
      table: rows,
      real: real.setup,
    },
  });
}

void main();
