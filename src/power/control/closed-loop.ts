import { EcomapError } from '../../signals/errors';
import { LoadEstimate } from './load-estimate';
import { ModelError } from './model-error';
import { RecentPower } from './recent-power';
import { choiceDefaults, chooseSetting, predictedW, type ControlPoint, type ControlSetting } from './setting';

export interface ClosedLoopOptions {
  /** Highest power first; fixed for the life of the loop. */
  readonly points: readonly [ControlPoint, ...ControlPoint[]];
  /** Share of the cap that is kept free as long as only the model speaks. */
  readonly guardBand?: number;
  /** False where hosts cannot be paused: only whole points are chosen. */
  readonly vernier?: boolean;
  /** The hardware is not written more often than this, ms. The vernier is not bound to it. */
  readonly pointIntervalMs?: number;
}

export const closedLoopDefaults = {
  guardBand: 0.05,
  /** Guard band while nothing is measured. */
  blindGuardBand: 0.15,
  pointIntervalMs: 2_000,
} as const;

/** After a change the sensor still tells of the time before, and the first runs are not like the later ones. */
const settleMs = 2_000;
/** What exceeds the cap is believed sooner. */
const sensorDelayMs = 600;
/** The mean that is held against the cap. */
const meanWindowMs = 1_000;
const latestWindowMs = 450;
const leastLatest = 2;
/** Above the cap; less is the sensor's noise. */
const excess = 1.005;
/** More than noise: what was reckoned with was wrong. */
const graveExcess = 1.03;
/** What exceeds the cap by so much is not waited for to fill the mean ... */
const grossExcess = 1.02;
/** ... and by so much it is taken from the newest reading alone. */
const clearExcess = 1.08;
/** So long without exceeding the cap, and the wide guard band is not needed any more. */
const confirmMs = 5_000;
/** Without a reading for so long the sensor counts as lost. */
const lostAfterMs = 3_000;
/** A pause of the process that says nothing of the power in it. */
const gapMs = 10_000;
/** Share of the cap that is kept free once measurements confirm the model. */
const settledGuardBand = 0.015;
/** No model is further off; beyond it a sensor is wrong. */
const mostLoad = 100;
const mostPowerW = 100_000;
/** A cap that differs by more than this share is another one. */
const anotherCap = 0.05;
/** A faster point is worth a write to the hardware from this gain on. */
const worthAWrite = 1.02;

export interface LoopDecision extends ControlSetting {
  /** The model's watts, corrected by what was measured. */
  readonly expectedW: number;
  /** False when even the lowest setting is expected to draw more than the cap. */
  readonly fits: boolean;
  /** True when idle alone exceeds the cap at every point. */
  readonly capUnreachable: boolean;
  /** `model` before the first measurement, and when the sensor is lost. */
  readonly basis: 'measured' | 'model';
  readonly sensorLost: boolean;
  /** What the load is reckoned with, relative to the model's full load. */
  readonly load: number;
}

/**
 * Holds mean power under a cap: picks the fastest setting that the model says fits, then corrects it by what is measured.
 * Down at once when the cap is exceeded, up only after sustained slack. Pure logic: time and readings come in.
 */
export class ClosedLoop {
  private readonly points: readonly [ControlPoint, ...ControlPoint[]];
  private readonly guardBand: number;
  private readonly pointIntervalMs: number;
  private readonly vernier: boolean;
  private readonly load = new LoadEstimate();
  private readonly errors = new ModelError();
  private readonly recent = new RecentPower(settleMs + meanWindowMs);
  private capW: number | null = null;
  private inForce: ControlSetting = { point: 0, duty: 1 };
  private changedAtMs = Number.NEGATIVE_INFINITY;
  private pointChangedAtMs = Number.NEGATIVE_INFINITY;
  private lastReadingMs: number | null = null;
  private lastPowerMs: number | null = null;
  private confirmed = false;

  constructor(options: ClosedLoopOptions) {
    this.points = options.points;
    this.guardBand = options.guardBand ?? closedLoopDefaults.guardBand;
    if (!(this.guardBand >= 0 && this.guardBand < 0.5)) {
      throw new EcomapError(
        'INVALID_CONFIG',
        `a guard band is a share of the cap from 0 to 0.5, not ${this.guardBand}`,
      );
    }
    this.pointIntervalMs = options.pointIntervalMs ?? closedLoopDefaults.pointIntervalMs;
    this.vernier = options.vernier ?? true;
  }

  /**
   * @param capW null: no limit
   * @throws EcomapError INVALID_CONFIG when it is not a positive number of watts
   */
  setCap(capW: number | null, nowMs: number): LoopDecision {
    if (capW !== null && !(Number.isFinite(capW) && capW > 0))
      throw new EcomapError('INVALID_CONFIG', `a power cap must be a positive number of watts, not ${String(capW)}`);
    if (capW !== this.capW) this.confirmed = false;
    const changedBy = capW === null || this.capW === null ? 1 : Math.abs(capW / this.capW - 1);
    if (changedBy > anotherCap) this.load.expectAnew();
    this.capW = capW;
    return this.decide(nowMs);
  }

  /** What is really in force, after the setting was applied (or could not be). */
  applied(setting: ControlSetting, nowMs: number): void {
    const { point, duty } = this.inForce;
    if (setting.point === point && setting.duty === duty) return;
    if (setting.point !== point) this.pointChangedAtMs = nowMs;
    this.inForce = setting;
    this.changedAtMs = nowMs;
  }

  /** The hardware could not be set now: it is left alone for a while. */
  pointRefused(nowMs: number): void {
    this.pointChangedAtMs = nowMs;
  }

  /** @param powerW mean since the last reading; null when the sensor said nothing */
  onReading(powerW: number | null, nowMs: number): LoopDecision {
    const { lastReadingMs } = this;
    const stepMs = lastReadingMs === null ? 0 : nowMs - lastReadingMs;
    this.lastReadingMs = nowMs;
    if (stepMs < 0 || stepMs > gapMs) this.startOver(nowMs);
    else if (powerW !== null && powerW >= 0 && powerW <= mostPowerW) {
      this.lastPowerMs = nowMs;
      this.recent.add({ atMs: nowMs, powerW });
      this.learn(nowMs);
    }
    return this.decide(nowMs);
  }

  /** A suspended machine or a clock that jumped: nothing of what was watched holds any more. */
  private startOver(nowMs: number): void {
    this.recent.clear();
    this.load.forgetWatching();
    this.errors.forgetLast();
    this.changedAtMs = Math.max(nowMs, Math.min(this.changedAtMs, nowMs));
    this.pointChangedAtMs = Math.min(this.pointChangedAtMs, nowMs);
    this.lastPowerMs = null;
  }

  private learn(nowMs: number): void {
    const believedSinceMs = this.changedAtMs + sensorDelayMs;
    const latestW = this.recent.meanW(nowMs, latestWindowMs, believedSinceMs, leastLatest);
    const meanW = this.recent.meanW(nowMs, meanWindowMs, believedSinceMs);
    // A mean of few samples is noise, unless the sensor has no more to say.
    const enough = nowMs - believedSinceMs >= meanWindowMs / 2;
    if (this.exceeds(latestW, grossExcess)) {
      // The newest reading alone is no mixture of before and after.
      const clear = this.exceeds(latestW, clearExcess) ? (this.recent.latestW ?? latestW) : latestW;
      this.load.raise(this.loadOf(Math.max(latestW, clear)), nowMs, this.exceeds(latestW, graveExcess));
      return;
    }
    if (meanW === null || !enough) return;
    if (nowMs - this.changedAtMs >= settleMs) {
      // A load that varies would be taken for an error of the model.
      if (this.load.isSteady(nowMs))
        this.load.rescale(1 / this.errors.observe(this.inForce.point, this.loadOf(meanW), nowMs));
      else this.errors.forgetLast();
      this.load.observe(this.loadOf(meanW), nowMs);
    }
    if (this.exceeds(meanW, excess)) this.load.raise(this.loadOf(meanW), nowMs, this.exceeds(meanW, graveExcess));
    else if (this.load.relax(nowMs) || nowMs - this.changedAtMs >= confirmMs) this.confirmed = true;
  }

  private exceeds(powerW: number | null, factor: number): powerW is number {
    return powerW !== null && this.capW !== null && powerW > this.capW * factor;
  }

  /** Measured watts above idle over those of the model at the setting in force. */
  private loadOf(powerW: number): number {
    const { point, duty } = this.inForce;
    const at = this.points[point] ?? this.points[0];
    const fullW = predictedW(at, duty, this.errors.at(point)) - at.idleW;
    return fullW > 0 ? Math.min(mostLoad, Math.max(0, powerW - at.idleW) / fullW) : 1;
  }

  private decide(nowMs: number): LoopDecision {
    const { capW } = this;
    const sensorLost = this.lastReadingMs !== null && nowMs - (this.lastPowerMs ?? -Infinity) > lostAfterMs;
    const load = sensorLost ? Math.max(1, this.load.load) : this.load.load;
    const basis = sensorLost || !this.load.measured ? 'model' : 'measured';
    const capUnreachable = capW !== null && this.points.every(({ idleW }) => idleW >= capW);
    const about = { capUnreachable, basis, sensorLost, load } as const;
    if (capW === null) return { ...about, point: 0, duty: 1, expectedW: this.expectedW(0, 1, load), fits: true };

    const guard = sensorLost
      ? closedLoopDefaults.blindGuardBand
      : this.confirmed
        ? Math.min(settledGuardBand, this.guardBand)
        : this.guardBand;
    const targetW = capW * (1 - guard);
    const loadAt = (point: number): number => load * this.errors.at(point);
    const limits = { ...choiceDefaults, vernier: this.vernier };
    const wanted = chooseSetting(this.points, targetW, loadAt, limits);
    const mayWrite = nowMs - this.pointChangedAtMs >= this.pointIntervalMs;
    const here = chooseSetting(this.points, targetW, loadAt, {
      ...limits,
      leastDuty: limits.lastDuty,
      only: this.inForce.point,
    });
    const soundHere = here.fits && here.duty >= limits.leastDuty;
    const better = this.speedOf(wanted) > worthAWrite * this.speedOf(here) || (wanted.near && !here.near);
    const chosen = mayWrite && (!soundHere || better) ? wanted : here;
    return {
      ...about,
      point: chosen.point,
      duty: chosen.duty,
      expectedW: chosen.predictedW,
      fits: this.expectedW(chosen.point, chosen.duty, load) <= capW,
    };
  }

  private expectedW(point: number, duty: number, load: number): number {
    return predictedW(this.points[point] ?? this.points[0], duty, load * this.errors.at(point));
  }

  private speedOf({ point, duty }: ControlSetting): number {
    return (this.points[point]?.speed ?? 1) * duty;
  }
}
