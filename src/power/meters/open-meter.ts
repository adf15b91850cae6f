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
  /** When a sensor is looked for again, ms; shorter in tests. */
  readonly lookAgain?: typeof patientLookAgain;
}

const patienceMs = 3000;
/** A sensor that has said nothing for this long, ms (or ten of its intervals), is given up for the time being. */
const silenceLimitMs = 15_000;
const watchIntervalMs = 2_000;
/** How long after a sensor was lost, or none was found, it is looked for again, ms; each time twice as long, up to the most. */
const patientLookAgain = { afterLossMs: 5_000, afterNoneMs: 60_000, mostMs: 10 * 60_000 };

/**
 * The best meter of a device. It is there at once, with the power law of the operating point; as soon as a sensor is found it
 * measures. A sensor that falls silent for good gives way to the model again, and is looked for again, as is one that came
 * late. A reading that reaches over a change is unknown, so that no reading mixes both.
 */
export class BestMeter implements DeviceMeter {
  /** Resolves when it is clear what meters; never rejects. */
  readonly ready: Promise<void>;
  private readonly model: ActivityModel;
  private readonly seesMachine: boolean;
  private readonly clock: Clock;
  private activity: MachineActivity | null = null;
  private measured: SampledMeter | null = null;
  /** What was counted before the meter in use, and where that one began. */
  private before: EnergyCount;
  private from: EnergyCount;
  private point: OperatingPoint;
  private found: readonly SensorFinding[] = [];
  /** The sensor that was given up; null while there is none. */
  private lost: SensorFinding | null = null;
  private searching: Promise<void>;
  private again: NodeJS.Timeout | null = null;
  private watch: NodeJS.Timeout | null = null;
  private closed = false;

  /** @throws EcomapError INVALID_CONFIG for a wall factor that cannot be */
  constructor(private readonly options: OpenMeterOptions) {
    const { machine, description, initialPoint, wallFactor } = options;
    if (wallFactor !== undefined && wallFactor !== null) checkWallFactor(wallFactor);
    this.clock = options.clock ?? systemClock;
    this.point = initialPoint;
    // A simulated device's watts know nothing of what this machine does beside it.
    this.seesMachine = machine !== null && !description.simulated;
    this.model = lawMeter(description, initialPoint, this.clock, this.seesMachine);
    this.from = this.before = this.model.count();
    this.seeMachine();
    this.ready = this.searching = this.search(this.lookAgain.afterNoneMs);
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
    return this.lost === null ? this.found : [this.lost, ...this.found];
  }

  idleW(): number {
    return this.inUse.idleW();
  }

  // The model is told everything also while a sensor measures: it may have to take over.
  changePoint(point: OperatingPoint): void {
    this.point = point;
    this.model.changePoint(point);
    this.measured?.changePoint(point);
  }

  add(target: ThrottleTarget): void {
    this.model.add(target);
  }

  remove(target: ThrottleTarget): void {
    this.model.remove(target);
  }

  latest(): PowerSample | null {
    return this.inUse.latest();
  }

  count(): EnergyCount {
    const now = this.inUse.count();
    const { before, from } = this;
    return {
      timeMs: now.timeMs,
      totalJ: before.totalJ + now.totalJ - from.totalJ,
      idleJ: before.idleJ + now.idleJ - from.idleJ,
      unknownMs: before.unknownMs + now.unknownMs - from.unknownMs,
    };
  }

  /** Gives up a sensor that has been silent for too long. Called by itself every two seconds. Never rejects. */
  async checkSensor(): Promise<void> {
    const { measured } = this;
    if (measured === null || this.closed) return;
    const limitMs = Math.max(silenceLimitMs, 10 * measured.intervalMs);
    if (measured.silentMs() <= limitMs) return;
    const said = measured.troubles();
    this.lost = {
      name: 'power sensor',
      found: false,
      text:
        `${measured.method} has given no power for ${(limitMs / 1000).toFixed(0)} s${said === '' ? '' : ` (${said})`}: ` +
        'watts are modelled until a sensor answers again, which is looked for',
    };
    this.stopWatching();
    this.model.forgetMachine();
    this.change(null);
    this.seeMachine();
    this.searchLater(this.lookAgain.afterLossMs);
    await measured.close();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.stopWatching();
    if (this.again !== null) clearTimeout(this.again);
    // A program that is slow to answer is not waited for: what is found later is closed then.
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.searching, new Promise((resolve) => (timer = setTimeout(resolve, patienceMs)))]);
    clearTimeout(timer);
    await Promise.all([this.activity?.close(), this.measured?.close()]);
  }

  private get lookAgain(): typeof patientLookAgain {
    return this.options.lookAgain ?? patientLookAgain;
  }

  private get inUse(): DeviceMeter {
    return this.measured ?? this.model;
  }

  private seeMachine(): void {
    const { machine } = this.options;
    if (machine === null || !this.seesMachine || this.closed) return;
    this.activity = new MachineActivity(machine.files, (busySeconds) => this.model.seeMachine(busySeconds));
  }

  /** From now on another meter counts. One unknown millisecond makes every reading that reaches over the change unknown. */
  private change(measured: SampledMeter | null): void {
    const before = this.count();
    this.measured = measured;
    this.before = { ...before, unknownMs: before.unknownMs + 1 };
    this.from = this.inUse.count();
  }

  /** @param againMs after which time to look again where there is none */
  private async search(againMs: number): Promise<void> {
    try {
      await this.find();
    } catch (error) {
      this.found = [{ name: 'sensors', found: false, text: `looking for sensors failed: ${messageOf(error)}` }];
    }
    const { machine, sensors } = this.options;
    if (this.measured === null && machine !== null && sensors === undefined) this.searchLater(againMs);
  }

  private searchLater(afterMs: number): void {
    if (this.closed || this.options.machine === null) return;
    if (this.again !== null) clearTimeout(this.again);
    this.again = setTimeout(() => {
      this.searching = this.search(Math.min(this.lookAgain.mostMs, afterMs * 2));
    }, afterMs).unref();
  }

  private stopWatching(): void {
    if (this.watch !== null) clearInterval(this.watch);
    this.watch = null;
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
    const meter = new SampledMeter({
      sensor,
      clock: this.clock,
      initialPoint: this.point,
      source: description.simulated || this.options.simulatedSensors === true ? 'simulated' : 'measured',
    });
    this.change(meter);
    this.lost = null;
    meter.start();
    this.watch = setInterval(() => void this.checkSensor(), watchIntervalMs).unref();
    const { activity } = this;
    this.activity = null;
    await Promise.all([meter.ask(), activity?.close()]);
  }
}

/** The best meter of a device: a sensor where there is one, else its power law. @throws EcomapError INVALID_CONFIG */
export const openMeter = (options: OpenMeterOptions): BestMeter => new BestMeter(options);
