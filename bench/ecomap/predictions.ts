import { Random } from '../../src/simulation/random';
import type { BenchPlan } from './plans';

/**
 * How far the calibrated estimator is off, as its card has it for random devices of the make of a Jetson (mean absolute error
 * 8.4 % in latency, 3 % in power, before a calibration), as standard deviations of a logarithm (1.25 times the mean error).
 */
export const estimatorErrors = { latency: 0.105, power: 0.0375 } as const;
/** Shares of the squared power error that all plans of a mix, and all plans of one operating point, have in common. */
const shares = { mix: 0.25, point: 0.25 } as const;
/** 90 % bounds, one-sided: 1.2816 standard deviations. */
export const upperFactor = {
  latency: Math.exp(1.2816 * estimatorErrors.latency),
  power: Math.exp(1.2816 * estimatorErrors.power),
};
/** Spread of a mean over a control period, as the simulated board's sensors have it. */
export const sensorNoise = 0.01;

/** What the estimator says of the plans of a mix, wrong as it is; the same each time it is asked. */
export class Predictions {
  private readonly mixError: { power: number; latency: number };
  private readonly pointErrors = new Map<number, number>();

  constructor(private readonly seed: number) {
    const random = new Random(seed);
    this.mixError = {
      power: Math.sqrt(shares.mix) * estimatorErrors.power * random.normal(),
      latency: 0.5 * estimatorErrors.latency * random.normal(),
    };
  }

  powerW(plan: BenchPlan): number {
    const own = Math.sqrt(1 - shares.mix - shares.point) * estimatorErrors.power * this.draw(plan, 1);
    return plan.powerW * Math.exp(this.mixError.power + this.pointError(plan.point) + own);
  }

  /** See `BenchPlan.tailRatio`. */
  tailRatio(plan: BenchPlan): number {
    const own = Math.sqrt(0.75) * estimatorErrors.latency * this.draw(plan, 2);
    return plan.tailRatio * Math.exp(this.mixError.latency + own);
  }

  /** See `BenchPlan.latencyMs`. */
  latencyMs(plan: BenchPlan): number {
    return (plan.latencyMs / plan.tailRatio) * this.tailRatio(plan);
  }

  /** Throughputs are as wrong as latencies, and their errors partly cancel in the sum. */
  capacity(plan: BenchPlan): number {
    return plan.capacity * Math.exp((estimatorErrors.latency / Math.sqrt(plan.choices.length)) * this.draw(plan, 3));
  }

  private pointError(point: number): number {
    let error = this.pointErrors.get(point);
    if (error === undefined) {
      error = Math.sqrt(shares.point) * estimatorErrors.power * new Random(this.seed * 131 + 7 * point + 3).normal();
      this.pointErrors.set(point, error);
    }
    return error;
  }

  private draw(plan: BenchPlan, what: number): number {
    return new Random(this.seed * 1_000_003 + plan.id * 4 + what).normal();
  }
}
