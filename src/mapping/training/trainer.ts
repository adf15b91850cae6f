import { EcomapError } from '../../signals/errors';
import {
  elements,
  featureRange,
  weightShapes,
  type EstimatorNetwork,
  type Weights,
} from '../estimator/learned/network-shape';
import type { LnRatios } from '../estimator/learned/network-runs';
import type { TrainingSet } from '../estimator/learned/training-set';
import { seededInteger } from '../search/seeded';
import type { JaxArray, JaxModule } from './jax';
import { Transformer, type WeightList } from './transformer';

export interface TrainingSettings {
  readonly epochs: number;
  readonly learningRate: number;
  readonly batch: number;
  readonly seed: number;
  /** At least this many steps, over more epochs where the set is small. */
  readonly leastSteps: number;
  readonly warmUpSteps: number;
  /** Ends when the held-out loss has not fallen for so many epochs; null: never. */
  readonly patience: number | null;
}

export const pretraining: TrainingSettings = {
  epochs: 30,
  learningRate: 2e-3,
  batch: 64,
  seed: 1,
  leastSteps: 1200,
  warmUpSteps: 50,
  patience: null,
};

const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 1e-2 } as const;

/** Where a training stands; enough to go on with it in another process. */
export interface TrainingState {
  readonly epoch: number;
  readonly step: number;
  readonly weights: Weights;
  readonly firstMoment: Weights;
  readonly secondMoment: Weights;
  /** Lowest held-out loss so far and its weights; null before the first epoch. */
  readonly best: { readonly loss: number; readonly epoch: number; readonly weights: Weights } | null;
}

export interface EpochReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly trainLoss: number;
  /** Null where nothing is held out. */
  readonly heldOutLoss: number | null;
  /** What the weights of this epoch predict of what is held out. */
  readonly heldOut: LnRatios | null;
  /** Estimated from the epochs so far. */
  readonly secondsLeft: number;
}

export interface TrainingOptions {
  readonly train: TrainingSet;
  readonly heldOut: TrainingSet | null;
  readonly settings: TrainingSettings;
  readonly resume?: TrainingState | null;
  /** Ends after this epoch, with the weights that it left, although the rates are those of all epochs. */
  readonly stopAfterEpoch?: number;
  readonly signal?: AbortSignal;
  /** After every epoch; what it returns is awaited, so that a state can be saved. */
  readonly onEpoch?: (report: EpochReport, state: () => TrainingState) => Promise<void> | void;
}

/**
 * Trains an estimator: AdamW, warm-up and cosine decay, batches of one size (another size would be compiled again).
 * Repeatable: the same data, start and seed give the same weights on the same machine.
 */
export class Trainer {
  private readonly transformer: Transformer;
  private readonly names: readonly string[];
  private readonly shapes: readonly (readonly number[])[];
  /** Kept, so that several trainings from the same start are compiled once. */
  private step: Step | null = null;
  /** Compiled on first use, and again for another number of slots. */
  private readonly forward: (weights: WeightList, x: JaxArray, mask: JaxArray) => JaxArray[];

  constructor(
    private readonly jax: JaxModule,
    private readonly network: EstimatorNetwork,
  ) {
    this.transformer = new Transformer(jax, network.shape);
    const shapes = weightShapes(network.shape);
    this.names = shapes.map(([name]) => name);
    this.shapes = shapes.map(([, dims]) => dims);
    this.forward = jax.jit((weights: WeightList, x: JaxArray, mask: JaxArray) => {
      const out = this.transformer.forward(weights, x, mask);
      for (const array of [x, mask, ...weights]) array.dispose();
      return [out.latency, out.power];
    });
  }

  /**
   * @returns the weights with the lowest held-out loss, or the last ones where nothing is held out
   * @throws EcomapError INTERNAL_ERROR when the loss is no longer a number; the abort's reason when cancelled
   */
  async train(options: TrainingOptions): Promise<EstimatorNetwork> {
    const { train, heldOut, settings, signal, resume } = options;
    if (train.count === 0)
      throw new EcomapError('INVALID_CONFIG', 'There is no sample to learn from: measure some first.');
    const batch = Math.min(settings.batch, Math.max(1, train.count));
    const perEpoch = Math.max(1, Math.floor(train.count / batch));
    const epochs = Math.max(settings.epochs, Math.ceil(settings.leastSteps / perEpoch));
    const total = epochs * perEpoch;
    const step = (this.step ??= this.compiledStep());
    let state = this.toDevice(resume ?? null);
    let best = resume?.best ?? null;
    let done = resume?.step ?? 0;
    const beganMs = performance.now();
    const firstEpoch = resume?.epoch ?? 0;
    const standardised = this.standardise(train);

    for (let epoch = firstEpoch; epoch < epochs; epoch += 1) {
      const order = shuffled(train.count, settings.seed + epoch);
      let lossSum = 0;
      for (let position = 0; position < perEpoch; position += 1) {
        signal?.throwIfAborted();
        const rate =
          settings.learningRate *
          Math.min(1, (done + 1) / settings.warmUpSteps) *
          0.5 *
          (1 + Math.cos((Math.PI * done) / total));
        const rows = order.subarray(position * batch, (position + 1) * batch);
        const { loss, ...next } = step(state, this.batchOf(train, standardised, rows), rate, done + 1);
        state = next;
        lossSum += (await loss.data())[0] ?? Number.NaN;
        done += 1;
        if (!Number.isFinite(lossSum)) {
          dispose(state);
          throw new EcomapError(
            'INTERNAL_ERROR',
            `The training of the estimator diverged in epoch ${epoch + 1}: its loss is no number. The estimator in force stays.`,
          );
        }
      }
      const current = async (): Promise<Weights> => this.toHost(state.weights);
      let heldOutLoss: number | null = null;
      let predicted: LnRatios | null = null;
      if (heldOut !== null && heldOut.count > 0) {
        const weights = await current();
        predicted = await this.predict(heldOut, weights);
        heldOutLoss = this.lossOf(heldOut, predicted);
        if (best === null || heldOutLoss < best.loss) best = { loss: heldOutLoss, epoch, weights };
      }
      const secondsLeft = ((performance.now() - beganMs) / 1000 / (epoch + 1 - firstEpoch)) * (epochs - epoch - 1);
      const report = {
        epoch: epoch + 1,
        epochs,
        trainLoss: lossSum / perEpoch,
        heldOutLoss,
        heldOut: predicted,
        secondsLeft,
      };
      if (options.onEpoch !== undefined) {
        const [weights, firstMoment, secondMoment] = [
          await current(),
          await this.toHost(state.first),
          await this.toHost(state.second),
        ];
        const snapshot = { epoch: epoch + 1, step: done, weights, firstMoment, secondMoment, best };
        await options.onEpoch(report, () => snapshot);
      }
      if (epoch + 1 === options.stopAfterEpoch) break;
      if (best !== null && settings.patience !== null && epoch - best.epoch >= settings.patience) break;
    }
    const last = await this.toHost(state.weights);
    dispose(state);
    return { ...this.network, weights: best?.weights ?? last };
  }

  /** Loss of predictions in standard deviations, as the training sees it. */
  lossOf(set: TrainingSet, predicted: LnRatios): number {
    const { latency, power } = this.network.scaling;
    const huber = (residual: number): number => {
      const size = Math.abs(residual);
      const inner = Math.min(size, 2);
      return inner * (size - inner / 2);
    };
    let latencySum = 0;
    let networks = 0;
    set.mask.forEach((present, cell) => {
      if (present !== 1) return;
      networks += 1;
      latencySum += huber(((predicted.latency[cell] ?? 0) - (set.lnLatencyRatio[cell] ?? 0)) / latency.scale);
    });
    let powerSum = 0;
    set.lnPowerRatio.forEach((ratio, row) => {
      powerSum += huber(((predicted.power[row] ?? 0) - ratio) / power.scale);
    });
    return latencySum / networks + (0.5 * powerSum) / set.count;
  }

  /** What weights predict, by default those that the training begins with. */
  async predict(set: TrainingSet, weights: Weights = this.network.weights): Promise<LnRatios> {
    const rows = 256;
    const { latency: scaleL, power: scaleP } = this.network.scaling;
    const list = this.upload(weights);
    const standardised = this.standardise(set);
    const latency = new Float32Array(set.count * set.slots);
    const power = new Float32Array(set.count);
    for (let first = 0; first < set.count; first += rows) {
      // The last batch is padded with its own last row.
      const indices = Int32Array.from({ length: rows }, (_, row) => Math.min(set.count - 1, first + row));
      const [x, mask] = this.inputsOf(set, standardised, indices);
      const [l, p] = this.forward(
        list.map((weight) => weight.ref),
        x,
        mask,
      );
      const count = Math.min(rows, set.count - first);
      latency.set(Float32Array.from(await dataOf(l)).subarray(0, count * set.slots), first * set.slots);
      power.set(Float32Array.from(await dataOf(p)).subarray(0, count), first);
    }
    for (const weight of list) weight.dispose();
    return {
      latency: latency.map((value) => scaleL.mean + scaleL.scale * value),
      power: power.map((value) => scaleP.mean + scaleP.scale * value),
    };
  }

  private compiledStep(): Step {
    const { jit, valueAndGrad, numpy: np } = this.jax;
    const lossAndGradient = valueAndGrad((weights: WeightList, x: JaxArray, mask: JaxArray, l: JaxArray, p: JaxArray) =>
      this.transformer.loss(weights, [x, mask, l, p]),
    );
    const n = this.names.length;
    const compiled = jit(
      (all: JaxArray[], x: JaxArray, mask: JaxArray, l: JaxArray, p: JaxArray, rates: JaxArray): JaxArray[] => {
        const weights = all.slice(0, n);
        const [loss, gradient] = lossAndGradient(
          weights.map((weight) => weight.ref),
          x,
          mask,
          l,
          p,
        );
        const rate = rates.ref.slice(0);
        const correction1 = rates.ref.slice(1);
        const correction2 = rates.slice(2);
        const out: JaxArray[][] = [[], [], []];
        weights.forEach((weight, index) => {
          const g = gradient[index];
          const [m, v] = [all[n + index], all[2 * n + index]];
          if (g === undefined || m === undefined || v === undefined) throw new Error('the optimiser lost a weight');
          const first = m.mul(adam.beta1).add(g.ref.mul(1 - adam.beta1));
          const second = v.mul(adam.beta2).add(np.square(g).mul(1 - adam.beta2));
          const change = first.ref
            .mul(correction1.ref)
            .div(np.sqrt(second.ref.mul(correction2.ref)).add(adam.epsilon))
            .add(weight.ref.mul(adam.decay));
          out[0]?.push(weight.sub(change.mul(rate.ref)));
          out[1]?.push(first);
          out[2]?.push(second);
        });
        for (const scalar of [rate, correction1, correction2]) scalar.dispose();
        return [loss, ...out.flat()];
      },
    );
    return (state, [x, mask, l, p], rate, count) => {
      if (x === undefined || mask === undefined || l === undefined || p === undefined) throw new Error('no batch');
      const rates = np.array(new Float32Array([rate, 1 / (1 - adam.beta1 ** count), 1 / (1 - adam.beta2 ** count)]));
      const [loss, ...out] = compiled([...state.weights, ...state.first, ...state.second], x, mask, l, p, rates);
      if (loss === undefined) throw new Error('the training step gave no loss');
      return { loss, weights: out.slice(0, n), first: out.slice(n, 2 * n), second: out.slice(2 * n) };
    };
  }

  private standardise(set: TrainingSet): Float32Array {
    const { featureMean, featureScale } = this.network.scaling;
    const width = featureMean.length;
    const { mask } = set;
    return set.features.map((value, index) =>
      mask[Math.floor(index / width)] === 1
        ? clipped((value - (featureMean[index % width] ?? 0)) / (featureScale[index % width] ?? 1))
        : 0,
    );
  }

  private inputsOf(set: TrainingSet, x: Float32Array, rows: Int32Array): [JaxArray, JaxArray] {
    const { slots } = set;
    const width = slots * this.network.shape.features;
    return [
      this.array(gather(x, rows, width), [rows.length, slots, this.network.shape.features]),
      this.array(gather(set.mask, rows, slots), [rows.length, slots]),
    ];
  }

  private batchOf(set: TrainingSet, x: Float32Array, rows: Int32Array): JaxArray[] {
    const { latency, power } = this.network.scaling;
    const targets = gather(set.lnLatencyRatio, rows, set.slots).map((value) => (value - latency.mean) / latency.scale);
    const powers = gather(set.lnPowerRatio, rows, 1).map((value) => (value - power.mean) / power.scale);
    return [
      ...this.inputsOf(set, x, rows),
      this.array(targets, [rows.length, set.slots]),
      this.array(powers, [rows.length]),
    ];
  }

  private array(values: Float32Array, dims: readonly number[]): JaxArray {
    return this.jax.numpy.array(values as Float32Array<ArrayBuffer>).reshape([...dims]);
  }

  private upload(weights: Weights): WeightList {
    return this.names.map((name, index) => {
      const values = weights[name];
      const dims = this.shapes[index] ?? [];
      if (values?.length !== elements(dims)) {
        throw new EcomapError('MODEL_INVALID', `The estimator's weight ${name} is missing or has another size.`);
      }
      return this.array(values.slice(), dims);
    });
  }

  private toDevice(resume: TrainingState | null): DeviceState {
    const zero = (): WeightList => this.shapes.map((dims) => this.array(new Float32Array(elements(dims)), dims));
    if (resume === null) return { weights: this.upload(this.network.weights), first: zero(), second: zero() };
    return {
      weights: this.upload(resume.weights),
      first: this.upload(resume.firstMoment),
      second: this.upload(resume.secondMoment),
    };
  }

  private async toHost(list: WeightList): Promise<Weights> {
    const weights: Record<string, Float32Array> = {};
    for (const [index, weight] of list.entries()) {
      weights[this.names[index] ?? ''] = Float32Array.from(await weight.ref.data());
    }
    return weights;
  }
}

type Step = (state: DeviceState, batch: JaxArray[], rate: number, count: number) => DeviceState & { loss: JaxArray };

const clipped = (value: number): number => Math.min(featureRange, Math.max(-featureRange, value));

interface DeviceState {
  readonly weights: WeightList;
  readonly first: WeightList;
  readonly second: WeightList;
}

async function dataOf(array: JaxArray | undefined): Promise<ArrayLike<number>> {
  if (array === undefined) throw new Error('the network gave no output');
  return array.data();
}

function dispose(state: DeviceState): void {
  for (const array of [...state.weights, ...state.first, ...state.second]) array.dispose();
}

function gather(values: Float32Array, rows: Int32Array, width: number): Float32Array {
  const gathered = new Float32Array(rows.length * width);
  rows.forEach((row, index) => gathered.set(values.subarray(row * width, (row + 1) * width), index * width));
  return gathered;
}

/** Fisher-Yates. */
function shuffled(count: number, seed: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index);
  const below = seededInteger(seed);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = below(last + 1);
    const kept = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
}
