import type { OperatingPoint, ThrottleTarget } from '../../signals/device';
import type { DeviceDescription } from '../../signals/device-description';
import { messageOf } from '../../signals/errors';
import type { PowerScope, Source } from '../../signals/quantities';
import { systemClock, type Clock } from '../clock';
import type { Machine } from '../machine/machine';
import type { ActivityModel } from './activity-model';
import type { DeviceMeter } from './device-meter';
import { findSensors } from './find-sensors';
import { lawMeter } from './law-meter';
import { MachineActivity } from './machine-activity';
import type { EnergyCount } from './meter';
import { SampledMeter } from './sampled-meter';
import type { PowerSample, PowerSensor, SensorFinding } from './sensor';
import { atTheWall, checkWallFactor } from './wall-factor';

export interface OpenMeterOptions {
  /** null: there are no sensors to look for, e.g. of a device that is simulated without files. */
  readonly machine: Machine | null;
  readonly description: DeviceDescription;
  readonly initialPoint: OperatingPoint;
  readonly clock?: Clock;
  /** From module to wall power, 1 to 3; null leaves the module's. */
  readonly wallFactor?: number | null;
  /** Used instead of looking for sensors, e.g. by tests. The meter closes them. */
  readonly sensors?: readonly PowerSensor[];
  /** True when the sensors are those of a simulated board: their watts are `simulated`. */
  readonly simulatedSensors?: boolean;
}

const patienceMs = 3000;

/**
 * The best meter of a device. It is there at once, with the power law of the operating point; as soon as a sensor is found it
 * measures. What was modelled until then is unknown to a reading that reaches over the change, so that no reading mixes both.
 */
export class BestMeter implements DeviceMeter {
  /** Resolves when it is clear what meters; never rejects. */
  readonly ready: Promise<void>;
  private readonly model: ActivityModel;
  private readonly activity: MachineActivity | null;
  private readonly clock: Clock;
  private measured: { readonly meter: SampledMeter; readonly before: EnergyCount } | null = null;
  private point: OperatingPoint;
  private found: readonly SensorFinding[] = [];
  private closed = false;

  /** @throws EcomapError INVALID_CONFIG for a wall factor that cannot be */
  constructor(private readonly options: OpenMeterOptions) {
    const { machine, description, initialPoint, wallFactor } = options;
    if (wallFactor !== undefined && wallFactor !== null) checkWallFactor(wallFactor);
    this.clock = options.clock ?? systemClock;
    this.point = initialPoint;
    // A simulated device's watts know nothing of what this machine does beside it.
    const seesMachine = machine !== null && !description.simulated;
    this.model = lawMeter(description, initialPoint, this.clock, seesMachine);
    this.activity = !seesMachine
      ? null
      : new MachineActivity(machine.files, (busySeconds) => this.model.seeMachine(busySeconds));
    this.ready = this.find().catch((error: unknown) => {
      this.found = [{ name: 'sensors', found: false, text: `looking for sensors failed: ${messageOf(error)}` }];
    });
  }

  get source(): Source {
    return this.inUse.source;
  }

  get scope(): PowerScope {
    return this.inUse.scope;
  }

  get method(): string {
    return this.inUse.method;
  }

  get accuracy(): number | null {
    return this.inUse.accuracy;
  }

  /** What was found and what is missing, with what would help; empty until `ready`. */
  findings(): readonly SensorFinding[] {
    return this.found;
  }

  idleW(): number {
    return this.inUse.idleW();
  }

  changePoint(point: OperatingPoint): void {
    this.point = point;
    this.inUse.changePoint(point);
  }

  add(target: ThrottleTarget): void {
    this.inUse.add(target);
  }

  remove(target: ThrottleTarget): void {
    this.inUse.remove(target);
  }

  latest(): PowerSample | null {
    return this.inUse.latest();
  }

  count(): EnergyCount {
    if (this.measured === null) return this.model.count();
    const { meter, before } = this.measured;
    const now = meter.count();
    return {
      timeMs: now.timeMs,
      totalJ: before.totalJ + now.totalJ,
      idleJ: before.idleJ + now.idleJ,
      unknownMs: before.unknownMs + now.unknownMs,
    };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    // A program that is slow to answer is not waited for: what is found later is closed then.
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.ready, new Promise((resolve) => (timer = setTimeout(resolve, patienceMs)))]);
    clearTimeout(timer);
    await Promise.all([this.activity?.close(), this.measured?.meter.close()]);
  }

  private get inUse(): DeviceMeter {
    return this.measured?.meter ?? this.model;
  }

  private async find(): Promise<void> {
    const { machine, description, wallFactor, sensors: given } = this.options;
    const { sensors, findings } =
      given !== undefined || machine === null
        ? { sensors: given ?? [], findings: [] }
        : await findSensors(machine, this.clock);
    this.found = findings;
    const [best, ...others] = sensors;
    await Promise.all(others.map((sensor) => sensor.close()));
    if (best === undefined) return;
    if (this.closed) return best.close();
    const sensor =
      wallFactor === undefined || wallFactor === null || best.scope !== 'module' ? best : atTheWall(best, wallFactor);
    const before = this.model.count();
    const meter = new SampledMeter({
      sensor,
      clock: this.clock,
      initialPoint: this.point,
      source: description.simulated || this.options.simulatedSensors === true ? 'simulated' : 'measured',
    });
    // One unknown millisecond makes every reading that reaches over the change unknown.
    this.measured = { meter, before: { ...before, unknownMs: before.unknownMs + 1 } };
    meter.start();
    await Promise.all([meter.ask(), this.activity?.close()]);
  }
}

/** The best meter of a device: a sensor where there is one, else its power law. @throws EcomapError INVALID_CONFIG */
export const openMeter = (options: OpenMeterOptions): BestMeter => new BestMeter(options);
