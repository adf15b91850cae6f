import type { OperatingPoint, ThrottleTarget } from '../../signals/device';
import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import type { Actuator } from '../actuators/actuator';
import type { HardwareActuator } from '../actuators/hardware-actuator';
import type { Clock } from '../clock';
import { ClosedLoop, closedLoopDefaults, type LoopDecision } from '../control/closed-loop';
import { controlPointOf, type ControlSetting } from '../control/setting';
import type { DeviceMeter } from '../meters/device-meter';
import { MeterReader } from '../meters/meter';
import type { CapMeans, MeansOutcome } from './cap-means';

export interface ClosedLoopMeansOptions {
  /** Fastest first; their names are those of the hardware's states. */
  readonly points: readonly [OperatingPoint, ...OperatingPoint[]];
  /** null: only our own hosts are limited. */
  readonly hardware: HardwareActuator | null;
  /** Pauses our hosts, as the vernier between the points; null where that cannot be. */
  readonly pauses: Actuator | null;
  readonly meter: DeviceMeter;
  readonly clock: Clock;
  readonly guardBand: number | null;
  /** Told whenever the operating point in force has changed. */
  readonly onChange: (point: OperatingPoint) => void;
  /** Restores what the hardware was before, when the cap is released. */
  readonly undo?: () => Promise<unknown>;
  /** How often the meter is asked; 0 leaves that to `step`. */
  readonly intervalMs?: number;
}

const defaultIntervalMs = 200;

/** Holds a cap by closed loop: hardware for the coarse part, pauses of our hosts for the fine one. */
export class ClosedLoopMeans implements CapMeans {
  readonly points: readonly [OperatingPoint, ...OperatingPoint[]];
  readonly enforced: 'hardware' | 'software';
  private readonly loop: ClosedLoop;
  private readonly reader: MeterReader;
  private setting: ControlSetting = { point: 0, duty: 1 };
  private decision: LoopDecision | null = null;
  /** True when it is known where the hardware stands, and when it could be set from here. */
  private known = false;
  private owned = false;
  private capW: number | null = null;
  private lastSampleMs: number | null = null;
  private trouble: EcomapError | null = null;
  private timer: NodeJS.Timeout | null = null;
  private tail: Promise<unknown> = Promise.resolve();
  private waiting = false;

  constructor(private readonly options: ClosedLoopMeansOptions) {
    this.points = options.points;
    this.enforced = options.hardware === null ? 'software' : 'hardware';
    const [first, ...others] = options.points.map(controlPointOf);
    if (first === undefined) throw new EcomapError('CAP_NOT_ENFORCEABLE', 'there is no operating point to choose');
    this.loop = new ClosedLoop({
      points: [first, ...others],
      guardBand: options.guardBand ?? closedLoopDefaults.guardBand,
      vernier: options.pauses !== null,
    });
    this.reader = new MeterReader(options.meter);
  }

  how(): string {
    const { hardware, pauses, meter } = this.options;
    const name = this.points[this.setting.point]?.name ?? '';
    const parts = [hardware === null ? null : `${hardware.name}: ${name}`];
    if (pauses !== null && (this.setting.duty < 1 || hardware === null))
      parts.push(`${pauses.how()} at ${Math.round(this.setting.duty * 100)} %`);
    if (this.decision?.sensorLost === true)
      parts.push('the power sensor says nothing: held by the model with a wider guard band');
    else if (meter.source === 'modelled') parts.push('no power sensor: held by the model');
    else parts.push('held by measured power');
    if (this.trouble !== null) parts.push(this.trouble.message);
    return parts.filter((part) => part !== null).join(', ');
  }

  hold(capW: number): Promise<MeansOutcome> {
    return this.inOrder(async () => {
      this.capW = capW;
      await this.findOut();
      await this.follow(this.loop.setCap(capW, this.nowMs()), true);
      this.start();
      return this.outcome();
    });
  }

  /** One round of the loop, unless one is still under way. Never throws. */
  async step(): Promise<void> {
    if (this.waiting || this.capW === null) return;
    this.waiting = true;
    try {
      await this.inOrder(async () => {
        const powerW = this.takeReading();
        if (powerW === undefined || this.capW === null) return;
        await this.follow(this.loop.onReading(powerW, this.nowMs()), false);
      });
    } catch (error) {
      this.trouble = asTrouble(error);
    } finally {
      this.waiting = false;
    }
  }

  admit(target: ThrottleTarget): Promise<void> {
    return this.inOrder(async () => {
      await this.options.pauses?.admit(target);
    });
  }

  release(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    return this.inOrder(async () => {
      this.capW = null;
      this.known = false;
      this.owned = false;
      this.setting = { point: 0, duty: 1 };
      try {
        await this.options.pauses?.release();
      } finally {
        await this.options.undo?.();
      }
    });
  }

  private start(): void {
    const intervalMs = this.options.intervalMs ?? defaultIntervalMs;
    if (this.timer !== null || intervalMs === 0) return;
    this.timer = setInterval(() => void this.step(), intervalMs).unref();
  }

  /** Watts since the last round; null when the sensor has nothing to say, undefined when there is nothing new yet. */
  private takeReading(): number | null | undefined {
    const { meter } = this.options;
    if (meter.source === 'modelled') return null;
    const sample = meter.latest();
    if (sample === null) return null;
    if (sample.atMs === this.lastSampleMs) return undefined;
    this.lastSampleMs = sample.atMs;
    return sample.powerW ?? this.reader.readPower().powerW;
  }

  /** Where the hardware stands before the first change. */
  private async findOut(): Promise<void> {
    const { hardware } = this.options;
    if (this.known || hardware === null) return;
    const name = (await hardware.readBack())?.name;
    const point = this.points.findIndex((candidate) => candidate.name === name);
    if (point >= 0) {
      this.setting = { point, duty: 1 };
      this.loop.applied(this.setting, this.nowMs());
      this.known = true;
    }
  }

  private async follow(decision: LoopDecision, isNewCap: boolean): Promise<void> {
    this.decision = decision;
    const before = this.setting;
    // What saves power comes first.
    if (decision.duty < before.duty) await this.pause(decision.duty);
    await this.setHardware(decision.point);
    if (decision.duty >= before.duty)
      await this.pause(this.setting.point === decision.point ? decision.duty : before.duty);
    this.loop.applied(this.setting, this.nowMs());
    if (this.setting.point !== before.point || this.setting.duty !== before.duty || isNewCap)
      this.options.onChange(this.operatingPoint());
  }

  private async setHardware(point: number): Promise<void> {
    const { hardware } = this.options;
    const wanted = this.points[point];
    if (hardware === null || wanted === undefined || (this.known && this.setting.point === point)) return;
    try {
      const { inForce } = await hardware.apply(wanted.name);
      const found = this.points.findIndex(({ name }) => name === inForce?.name);
      if (found < 0) {
        throw new EcomapError(
          'CAP_NOT_ENFORCEABLE',
          `${hardware.name} was set to ${wanted.name} and reads back ${inForce?.name ?? 'a state that is none of its own'}`,
        );
      }
      this.setting = { ...this.setting, point: found };
      this.known = true;
      this.owned = true;
      this.trouble = null;
    } catch (error) {
      this.trouble = asTrouble(error);
      this.loop.pointRefused(this.nowMs());
      // Nothing of ours is in force yet: the caller has to know. Later on, the loop holds the cap by pauses and tries again.
      if (!this.owned) throw this.trouble;
    }
  }

  private async pause(duty: number): Promise<void> {
    const { pauses } = this.options;
    if (pauses === null || duty === this.setting.duty) return;
    try {
      await pauses.apply({ name: 'pauses', speed: duty, idleW: 0, activeW: {} });
      await pauses.readBack();
      this.setting = { ...this.setting, duty };
    } catch (error) {
      if (this.options.hardware === null) throw error;
      this.trouble = asTrouble(error);
    }
  }

  private outcome(): MeansOutcome {
    const { decision } = this;
    const missed = this.trouble !== null && decision?.point !== this.setting.point;
    const fits = decision?.fits === true && !missed;
    const operatingPoint = this.operatingPoint();
    const how =
      fits || missed
        ? this.how()
        : `${this.how()}; even at its lowest setting the device is expected to draw ${(decision?.expectedW ?? 0).toFixed(1)} W`;
    return {
      operatingPoint,
      enforced: fits ? this.enforced : 'none',
      how,
      fits,
      capUnreachable: decision?.capUnreachable ?? false,
    };
  }

  private operatingPoint(): OperatingPoint {
    const { point, duty } = this.setting;
    const at = this.points[point] ?? this.points[0];
    if (duty >= 1) return at;
    const name = `${at.name}, ${Math.round(duty * 100)} % of the time`;
    return at.limits === 'clock'
      ? { ...at, name, speed: at.speed * duty, busyLimit: duty }
      : { ...at, name, speed: at.speed * duty };
  }

  private nowMs(): number {
    return this.options.clock.monotonicMs();
  }

  private inOrder<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}

function asTrouble(error: unknown): EcomapError {
  return isEcomapError(error) ? error : new EcomapError('CAP_NOT_ENFORCEABLE', messageOf(error), { cause: error });
}
