import { figuresOf, type TraceFigures, type TraceSecond } from '../../../../bench/power/trace';
import { ClosedLoop, type ClosedLoopOptions, type LoopDecision } from '../../../../src/power/control/closed-loop';
import { predictedW, type ControlPoint } from '../../../../src/power/control/setting';
import { Random } from '../../../../src/simulation/random';

const gpuStepsMhz = [
  114.75, 216.75, 318.75, 420.75, 522.75, 624.75, 675.75, 828.75, 905.25, 1032.75, 1198.5, 1236.75, 1338.75, 1377,
];

/** GPU steps of an AGX Xavier with the law fitted to its module power. */
export const xavierPoints = gpuStepsMhz.toReversed().map((mhz) => ({
  name: `GPU ${Math.round(mhz)} MHz`,
  speed: mhz / 1377,
  idleW: 6,
  activeW: 5.359e-4 * mhz ** 1.479,
})) as unknown as readonly [ControlPoint, ...ControlPoint[]];

export interface PlantOptions {
  /** Demand, 0 to 1: share of time that there is something to compute. */
  readonly demand?: (atS: number) => number;
  /** Watts above idle over those that the model says, by point. */
  readonly truth?: (point: number) => number;
  readonly idleW?: number;
  /** Relative noise of the sensor. */
  readonly sensorNoise?: number;
  readonly loop?: Partial<ClosedLoopOptions>;
  /** The sensor's answer; null is lost. */
  readonly sensor?: (powerW: number, atS: number) => number | null;
}

const samplesPerS = 5;

/** A device under the closed loop in simulated time. */
export class Plant {
  readonly loop: ClosedLoop;
  atS = 0;
  decision: LoopDecision;
  changes = 0;
  private readonly random = new Random(3);
  private capW: number | null = null;

  constructor(private readonly options: PlantOptions = {}) {
    this.loop = new ClosedLoop({ points: xavierPoints, ...options.loop });
    this.decision = this.loop.setCap(null, 0);
  }

  cap(capW: number | null): LoopDecision {
    this.capW = capW;
    this.follow(this.loop.setCap(capW, this.atS * 1000));
    return this.decision;
  }

  /** Runs for some seconds and tells each. */
  run(seconds: number): TraceSecond[] {
    const trace: TraceSecond[] = [];
    for (let second = 0; second < seconds; second += 1) {
      let sumW = 0;
      const startS = this.atS;
      for (let sample = 0; sample < samplesPerS; sample += 1) {
        const powerW = this.powerW();
        sumW += powerW;
        this.atS += 1 / samplesPerS;
        const noisy = powerW * (1 + (this.options.sensorNoise ?? 0.01) * this.random.normal());
        const read = this.options.sensor === undefined ? noisy : this.options.sensor(noisy, this.atS);
        this.follow(this.loop.onReading(read, this.atS * 1000));
      }
      const { point, duty } = this.decision;
      const at = xavierPoints[point] ?? xavierPoints[0];
      const commandedW = predictedW(at, duty, 1);
      trace.push({ atS: startS, powerW: sumW / samplesPerS, capW: this.capW ?? Infinity, commandedW });
    }
    return trace;
  }

  figures(seconds: number): TraceFigures {
    return figuresOf(this.run(seconds));
  }

  powerW(): number {
    const { point, duty } = this.decision;
    const at = xavierPoints[point] ?? xavierPoints[0];
    const busy = Math.min(this.options.demand?.(this.atS) ?? 1, duty);
    return (this.options.idleW ?? at.idleW) + at.activeW * busy * (this.options.truth?.(point) ?? 1);
  }

  private follow(decision: LoopDecision): void {
    if (decision.point !== this.decision.point) this.changes += 1;
    this.decision = decision;
    this.loop.applied(decision, this.atS * 1000);
  }
}
