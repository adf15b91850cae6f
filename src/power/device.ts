import type { Component, InferenceDevice, OperatingPoint, ThrottleTarget } from '../signals/device';
import type { DeviceDescription } from '../signals/device-description';
import { EcomapError } from '../signals/errors';
import type { PowerReading } from '../signals/quantities';
import { findQuotaGroups, type QuotaGroupOptions, type QuotaGroupsFound } from './actuators/find-quota-groups';
import {
  asNotEnforceable,
  isHardware,
  strictestOf,
  type ActuatorChoice,
  type AppliedCap,
  type CapRequest,
  type HeldCaps,
} from './caps/cap-request';
import { rangeOf, type Hardware } from './caps/hardware';
import { MeansOfDevice } from './caps/means-of-device';
import { systemClock, type Clock } from './clock';
import { LatestWins } from './latest-wins';
import type { Machine } from './machine/machine';
import { MeterReader, type EnergyReading } from './meters/meter';
import { openMeter, type BestMeter } from './meters/open-meter';
import type { CapRange } from './policies/policy';
import { chooseOperatingPoint } from './operating-points';
import { reportOn, type DeviceReport } from './report';

export interface Device extends InferenceDevice {
  readonly description: DeviceDescription;
  /** Full-load power of the lowest and of the highest operating point: the range in which a cap makes a difference, W. */
  readonly capRange: CapRange;
  /** The same for a certain actuator, once it is known what there is. */
  capRangeFor(request: CapRequest): Promise<CapRange>;
  /** @throws EcomapError INVALID_CONFIG when this device has no such actuator */
  checkActuator(choice: ActuatorChoice): void;
  /**
   * Holds the device under the cap; where several holders have set caps, under the lowest of them. Without a sensor that is the
   * fastest operating point whose full-load power stays under it (the lowest where none does); with one a closed loop corrects it.
   * What stands in the way comes back as `problem`, so that the loop goes on.
   * @throws EcomapError INVALID_CONFIG when the cap is not a positive number of watts
   */
  applyCap(capW: number, request?: CapRequest): Promise<AppliedCap>;
  /** Back to what the other holders allow: full speed when there is none. */
  releaseCap(holder: object): Promise<void>;
  /** A reader of power and energy with a place of its own. */
  openReader(): MeterReader;
  /** Mean power since the last call of this method, by whomever: use `openReader` where several read. */
  readPower(): PowerReading;
  /** Energy since the last call of this method, by whomever: use `openReader` where several read. */
  readEnergy(): EnergyReading;
  /** What was found, what is in force and what is missing, for people. */
  report(): Promise<DeviceReport>;
  /** Lifts every limit and removes what was created for it. */
  close(): Promise<void>;
}

export interface DeviceOptions extends QuotaGroupOptions {
  readonly clock?: Clock;
  /** Where to look for sensors; null or absent: nowhere, watts are modelled. */
  readonly machine?: Machine | null;
  /** What may be set; null or absent: only our own hosts. */
  readonly hardware?: Hardware | null;
  /** From module to wall power; null leaves the module's. */
  readonly wallFactor?: number | null;
  /** How often a closed loop asks the meter, ms. */
  readonly loopIntervalMs?: number;
}

/** @throws EcomapError INVALID_CONFIG when the description has no operating point */
export function createDevice(description: DeviceDescription, options: DeviceOptions = {}): Device {
  return new PowerManagedDevice(description, options);
}

class PowerManagedDevice implements Device {
  readonly components: readonly Component[];
  readonly fingerprint: string;
  private readonly points: readonly [OperatingPoint, ...OperatingPoint[]];
  private readonly targets = new Set<ThrottleTarget>();
  private readonly meter: BestMeter;
  private readonly ownReader: MeterReader;
  private readonly means: MeansOfDevice;
  private quotaGroups: Promise<QuotaGroupsFound> | null = null;
  private readonly queue = new LatestWins<HeldCaps, AppliedCap>(
    (asked) => this.apply(asked),
    (waiting, latest) => new Map([...waiting, ...latest]),
  );
  private inForce: OperatingPoint;
  private caps: HeldCaps = new Map();
  private problem: EcomapError | null = null;
  private closed = false;

  constructor(
    readonly description: DeviceDescription,
    private readonly options: DeviceOptions,
  ) {
    const [fastest, ...others] = [...description.operatingPoints].sort((a, b) => b.speed - a.speed);
    if (fastest === undefined)
      throw new EcomapError('INVALID_CONFIG', `the device ${description.name} has no operating point`);
    this.points = [fastest, ...others];
    this.components = description.components;
    this.fingerprint = description.fingerprint;
    this.inForce = fastest;
    const clock = options.clock ?? systemClock;
    const machine = description.simulated ? null : (options.machine ?? null);
    this.meter = openMeter({
      machine,
      // A folder that stands for `/` is no hardware.
      simulatedSensors: machine !== null && machine.files.root !== '/',
      description,
      initialPoint: fastest,
      clock,
      wallFactor: options.wallFactor ?? null,
    });
    this.ownReader = new MeterReader(this.meter);
    this.means = new MeansOfDevice({
      description,
      points: this.points,
      targets: this.targets,
      meter: this.meter,
      meterReady: this.meter.ready,
      clock,
      hardware: description.simulated ? null : (options.hardware ?? null),
      findQuotas: () => this.findQuotas(),
      onChange: (point) => this.setInForce(point),
      loopIntervalMs: options.loopIntervalMs,
    });
    // A simulated device paces its hosts and has no need of control groups.
    if (!description.simulated) void this.findQuotas();
  }

  get operatingPoints(): readonly [OperatingPoint, ...OperatingPoint[]] {
    return this.means.active?.points ?? this.points;
  }

  get imported(): DeviceDescription['imported'] {
    return this.description.imported;
  }

  get capRange(): CapRange {
    return rangeOf(this.points);
  }

  async capRangeFor({ actuator = 'auto', apply = false }: CapRequest): Promise<CapRange> {
    return rangeOf(await this.means.pointsOf(actuator, apply));
  }

  operatingPointInForce(): OperatingPoint {
    return this.inForce;
  }

  async register(target: ThrottleTarget): Promise<() => void> {
    if (!this.components.some((component) => component.name === target.component)) {
      const known = this.components.map((component) => component.name).join(', ');
      throw new EcomapError(
        'INVALID_CONFIG',
        `an inference host wants the component "${target.component}", this device has ${known}`,
      );
    }
    this.targets.add(target);
    this.meter.add(target);
    await this.queue.run(async () => {
      try {
        if (this.targets.has(target)) await this.means.active?.admit(target);
      } catch (error) {
        // The host may serve; that the cap does not hold for it is said with the next cap.
        this.problem = asNotEnforceable(error);
      }
    });
    return () => {
      if (!this.targets.delete(target)) return;
      this.meter.remove(target);
    };
  }

  checkActuator(choice: ActuatorChoice): void {
    if (isHardware(choice) && this.description.simulated) {
      throw new EcomapError(
        'INVALID_CONFIG',
        `the actuator "${choice}" needs a real machine, but ${this.description.label} is simulated: choose "auto" or "simulated"`,
      );
    }
    if (choice === 'simulated' && !this.description.simulated) {
      throw new EcomapError(
        'INVALID_CONFIG',
        `the actuator "simulated" needs a simulated device, but ${this.description.label} is real: choose "auto" or "software"`,
      );
    }
  }

  applyCap(capW: number, request: CapRequest = {}): Promise<AppliedCap> {
    if (!Number.isFinite(capW) || capW <= 0)
      throw new EcomapError('INVALID_CONFIG', `a power cap must be a positive number of watts, not ${capW}`);
    const actuator = request.actuator ?? 'auto';
    this.checkActuator(actuator);
    const apply = request.apply ?? false;
    const guardBand = request.guardBand ?? null;
    if (actuator === 'none' || (isHardware(actuator) && !apply)) return this.dryRun(capW, actuator, guardBand);
    // Whoever asks without a name is the device's own, single holder.
    return this.queue.request(new Map([[request.holder ?? this, { capW, actuator, apply, guardBand }]]));
  }

  releaseCap(holder: object): Promise<void> {
    return this.queue.run(async () => {
      if (!this.caps.has(holder)) return;
      const others = new Map(this.caps);
      others.delete(holder);
      this.caps = new Map();
      if (others.size === 0) await this.fullSpeed();
      else await this.apply(others);
    });
  }

  openReader(): MeterReader {
    return new MeterReader(this.meter);
  }

  readPower(): PowerReading {
    return this.ownReader.readPower();
  }

  readEnergy(): EnergyReading {
    return this.ownReader.readEnergy();
  }

  async report(): Promise<DeviceReport> {
    const quotas = this.description.simulated ? null : await this.findQuotas();
    return reportOn(this.description, this.points, quotas, {
      operatingPoint: this.inForce,
      enforced: this.means.active?.enforced ?? 'none',
      how: this.means.active?.how() ?? null,
      problem: this.problem?.message ?? null,
      hosts: this.targets.size,
      meter: { source: this.meter.source, method: this.meter.method },
    });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.queue.run(() => {
      this.caps = new Map();
      return this.fullSpeed();
    });
    await this.quotaGroups; // a probe under way would leave its group behind
    await Promise.all([this.meter.close(), this.options.hardware?.close()]);
  }

  private async dryRun(capW: number, choice: ActuatorChoice, guardBand: number | null): Promise<AppliedCap> {
    const still = { capW, operatingPoint: this.inForce, enforced: 'none' } as const;
    if (!isHardware(choice)) {
      const { capUnreachable } = chooseOperatingPoint(this.points, capW);
      return { ...still, capUnreachable, how: 'dry run: computed, not applied', problem: null };
    }
    try {
      return { ...still, ...(await this.means.dryRun(capW, choice, guardBand)), problem: null };
    } catch (error) {
      const problem = asNotEnforceable(error);
      return { ...still, capUnreachable: false, how: problem.message, problem };
    }
  }

  private async apply(asked: HeldCaps): Promise<AppliedCap> {
    const caps = new Map([...this.caps, ...asked]);
    const strictest = strictestOf(caps);
    if (strictest === null) throw new EcomapError('INTERNAL_ERROR', 'a cap was asked for by nobody');
    const { capW } = strictest;
    try {
      if (this.closed) throw new EcomapError('CAP_NOT_ENFORCEABLE', 'the device was closed: deploy the flow again');
      this.caps = caps;
      const means = await this.means.use(strictest);
      const { operatingPoint, enforced, how, capUnreachable } = await means.hold(capW);
      this.setInForce(operatingPoint);
      this.problem = null;
      return { capW, operatingPoint, enforced, how, capUnreachable, problem: null };
    } catch (error) {
      const problem = (this.problem = asNotEnforceable(error));
      await this.fullSpeed();
      const { capUnreachable } = chooseOperatingPoint(this.operatingPoints, capW);
      return {
        capW,
        capUnreachable,
        operatingPoint: this.inForce,
        enforced: 'none',
        how: problem.message,
        problem,
      };
    }
  }

  private findQuotas(): Promise<QuotaGroupsFound> {
    return (this.quotaGroups ??= findQuotaGroups(this.options));
  }

  private async fullSpeed(): Promise<void> {
    try {
      await this.means.release();
    } catch (error) {
      this.problem ??= asNotEnforceable(error);
    }
    this.setInForce(this.points[0]);
  }

  private setInForce(point: OperatingPoint): void {
    this.meter.changePoint(point);
    this.inForce = point;
  }
}
