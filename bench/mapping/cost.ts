// How good a decision is: J = mean ln(latency / best alone) + 20 max(0, ln(power / cap)).
import type { Candidate, Prediction } from '../../src/mapping/estimator/estimator';
import type { Cost } from '../../src/mapping/search/objective';
import { simulate } from '../../src/simulation/co-location/event-loop';
import { Random } from '../../src/simulation/random';
import type { Instance } from './instance';

const capWeight = 20;

export interface Run {
  readonly latencyS: readonly number[];
  readonly powerW: number;
}

export function costOfRun({ capW, bestS }: Instance, { latencyS, powerW }: Run): number {
  const slowdowns = latencyS.reduce((sum, seconds, index) => sum + Math.log(seconds / (bestS[index] ?? 1)), 0);
  return slowdowns / latencyS.length + capWeight * Math.max(0, Math.log(powerW / capW));
}

/** The same of a prediction, in the terms of the search: of expected latencies, the cap held against the upper power. */
export function predictedCost(instance: Instance, { latencyMs, powerW }: Prediction): Cost {
  const latencyS = latencyMs.map((interval) => (interval?.expected ?? Infinity) / 1000);
  const energy = costOfRun(instance, { latencyS, powerW: powerW.upper });
  return { unknown: 0, broken: [], powerW: 1, powerBucket: 0, latencyRatio: Math.exp(energy), energy };
}

/** One-sided 90 % bound on what one reading of the power may be off by in the simulator (1.5 % from reading to reading). */
const lnMeterMargin = 0.02;

/** Numbers of the runs of a mapping: what a decision is made by, what the best mapping is chosen by, what all are judged by. */
export const runsFor = { decision: [0, 1], reference: [1, 9], judgement: [9, 25] } as const;

/** What happens when a mapping runs, in the simulator: each run of a mapping differs a little, but is the same every time. */
export class Measurements {
  count = 0;
  private readonly known = new Map<string, Run>();

  constructor(private readonly instance: Instance) {}

  /** Means over the runs from one number to below another. */
  mean(candidate: Candidate, [from, to]: readonly [number, number]): Run {
    const runs = Array.from({ length: to - from }, (_, index) => this.run(candidate, from + index));
    const mean = (of: (run: Run) => number): number => runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
    return {
      latencyS: this.instance.networks.map((_, index) => mean(({ latencyS }) => latencyS[index] ?? 0)),
      powerW: mean(({ powerW }) => powerW),
    };
  }

  cost(candidate: Candidate, runs: readonly [number, number]): number {
    return costOfRun(this.instance, this.mean(candidate, runs));
  }

  /** What a decision goes by: one run, the cap held against the upper end of what its reading may mean. */
  decisionCost(candidate: Candidate): number {
    const { latencyS, powerW } = this.mean(candidate, runsFor.decision);
    return costOfRun(this.instance, { latencyS, powerW: powerW * Math.exp(lnMeterMargin) });
  }

  private run(candidate: Candidate, number: number): Run {
    const key = `${JSON.stringify(candidate)}${number}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const { device, level, networks, seed } = this.instance;
    const running = networks.map(({ network }, index) => ({ network, units: candidate[index] ?? [], pauseS: 0 }));
    const { latencyS, powerW } = simulate(device, level, running, new Random(seed * 1000 + number));
    const run = { latencyS, powerW };
    this.known.set(key, run);
    this.count += 1;
    return run;
  }
}
