import {
  fullLoadW,
  type Component,
  type Enforcement,
  type InferenceDevice,
  type OperatingPoint,
  type ThrottleTarget,
} from '../signals/device';
import type { DeviceDescription } from '../signals/device-description';
import { EcomapError, isEcomapError, messageOf } from '../signals/errors';
import type { PowerReading } from '../signals/quantities';
import type { Actuator } from './actuators/actuator';
import { findQuotaGroups, type QuotaGroupOptions, type QuotaGroupsFound } from './actuators/find-quota-groups';
import { SimulatedActuator } from './actuators/simulated';
import { SoftwareActuator } from './actuators/software';
import { systemClock, type Clock } from './clock';
import { LatestWins } from './latest-wins';
import type { ActivityModel } from './meters/activity-model';
import { lawMeter } from './meters/law-meter';
import { MeterReader, type EnergyReading } from './meters/meter';
import { chooseOperatingPoint } from './operating-points';
import { reportOn, type DeviceReport } from './report';

/** `auto` is what suits the device: quotas or pacing on this machine, the simulator on a simulated one. `none` only computes. */
export const actuatorChoices = ['auto', 'software', 'simulated', 'none'] as const;
export type ActuatorChoice = (typeof actuatorChoices)[number];

export interface CapRequest {
  readonly actuator?: ActuatorChoice;
  /** Who asks. Each holder has one cap on the device, the strictest of all is in force, and only its holder can release it. */
  readonly holder?: object;
}

export interface AppliedCap {
  /**
   * The cap in force: that of the call, or a stricter one that another holder has set. Of calls of one holder that wait for
   * each other the last one counts, and all get its answer.
   */
  readonly capW: number;
  /** In force after read-back. */
  readonly operatingPoint: OperatingPoint;
  /** `none` also when even the lowest operating point can draw more than the cap. */
  readonly enforced: Enforcement;
  /** True when idle alone exceeds the cap. */
  readonly capUnreachable: boolean;
  /** In words: by which means, or why not. */
  readonly how: string;
  /** CAP_NOT_ENFORCEABLE when something stood in the way; the hosts then run at full speed. */
  readonly problem: EcomapError | null;
}

export interface Device extends InferenceDevice {
  readonly description: DeviceDescription;
  /** Full-load power of the lowest and of the highest operating point: the range in which a cap makes a difference, W. */
  readonly capRange: { readonly minimumW: number; readonly maximumW: number };
  /** @throws EcomapError INVALID_CONFIG when this device has no such actuator */
  checkActuator(choice: ActuatorChoice): void;
  /**
   * Puts the fastest operating point into force whose full-load power stays under the cap (the lowest where none does); where
   * several holders have set caps, under the lowest of them.
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
}

type HeldCaps = ReadonlyMap<object, { readonly capW: number; readonly actuator: Exclude<ActuatorChoice, 'none'> }>;

/** @throws EcomapError INVALID_CONFIG when the description has no operating point */
export function createDevice(description: DeviceDescription, options: DeviceOptions = {}): Device {
  return new PowerManagedDevice(description, options);
}

class PowerManagedDevice implements Device {
  readonly components: readonly Component[];
  readonly operatingPoints: readonly OperatingPoint[];
  readonly fingerprint: string;
  readonly capRange: { readonly minimumW: number; readonly maximumW: number };
  private readonly points: readonly [OperatingPoint, ...OperatingPoint[]];
  private readonly targets = new Set<ThrottleTarget>();
  private readonly meter: ActivityModel;
  private readonly ownReader: MeterReader;
  private quotaGroups: Promise<QuotaGroupsFound> | null = null;
  private readonly actuators = new Map<'software' | 'simulated', Actuator>();
  private readonly queue = new LatestWins<HeldCaps, AppliedCap>(
    (asked) => this.apply(asked),
    (waiting, latest) => new Map([...waiting, ...latest]),
  );
  private inForce: OperatingPoint;
  private active: Actuator | null = null;
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
    this.operatingPoints = this.points;
    this.fingerprint = description.fingerprint;
    const loads = this.points.map(fullLoadW);
    this.capRange = { minimumW: Math.min(...loads), maximumW: Math.max(...loads) };
    this.inForce = fastest;
    this.meter = lawMeter(description, fastest, options.clock ?? systemClock);
    this.ownReader = new MeterReader(this.meter);
    // A simulated device paces its hosts and has no need of control groups.
    if (!description.simulated) void this.findQuotas();
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
        if (this.targets.has(target)) await this.active?.admit(target);
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
    if (actuator === 'none') return Promise.resolve(this.dryRun(capW));
    // Whoever asks without a name is the device's own, single holder.
    return this.queue.request(new Map([[request.holder ?? this, { capW, actuator }]]));
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
      enforced: this.active?.enforced ?? 'none',
      how: this.active?.how() ?? null,
      problem: this.problem?.message ?? null,
      hosts: this.targets.size,
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
  }

  private dryRun(capW: number): AppliedCap {
    const { capUnreachable } = chooseOperatingPoint(this.points, capW);
    const how = 'dry run: computed, not applied';
    return { capW, capUnreachable, problem: null, operatingPoint: this.inForce, enforced: 'none', how };
  }

  private async apply(asked: HeldCaps): Promise<AppliedCap> {
    const caps = new Map([...this.caps, ...asked]);
    const { capW, actuator: choice } = [...caps.values()].reduce((strictest, cap) =>
      cap.capW < strictest.capW ? cap : strictest,
    );
    const { point, fits, capUnreachable } = chooseOperatingPoint(this.points, capW);
    const answer = { capW, capUnreachable, problem: null };
    try {
      if (this.closed) throw new EcomapError('CAP_NOT_ENFORCEABLE', 'the device was closed: deploy the flow again');
      this.caps = caps;
      const actuator = await this.activate(choice);
      const inForce = await actuator.apply(point);
      await actuator.readBack();
      this.setInForce(inForce);
      this.problem = null;
      if (fits) return { ...answer, operatingPoint: inForce, enforced: actuator.enforced, how: actuator.how() };
      const how = `even at its lowest operating point the device can draw ${fullLoadW(inForce).toFixed(1)} W`;
      return { ...answer, operatingPoint: inForce, enforced: 'none', how };
    } catch (error) {
      this.problem = asNotEnforceable(error);
      const problem = this.problem;
      await this.fullSpeed();
      return { ...answer, operatingPoint: this.inForce, enforced: 'none', how: problem.message, problem };
    }
  }

  private async activate(choice: Exclude<ActuatorChoice, 'none'>): Promise<Actuator> {
    const kind = choice === 'auto' ? (this.description.simulated ? 'simulated' : 'software') : choice;
    let actuator = this.actuators.get(kind);
    if (actuator === undefined) {
      actuator =
        kind === 'simulated'
          ? new SimulatedActuator(this.targets)
          : new SoftwareActuator(this.components, this.targets, (await this.findQuotas()).groups);
      this.actuators.set(kind, actuator);
    }
    if (this.active !== null && this.active !== actuator) await this.active.release();
    this.active = actuator;
    return actuator;
  }

  private findQuotas(): Promise<QuotaGroupsFound> {
    return (this.quotaGroups ??= findQuotaGroups(this.options));
  }

  private async fullSpeed(): Promise<void> {
    const actuator = this.active;
    this.active = null;
    try {
      await actuator?.release();
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

function asNotEnforceable(error: unknown): EcomapError {
  if (isEcomapError(error) && error.code === 'CAP_NOT_ENFORCEABLE') return error;
  return new EcomapError('CAP_NOT_ENFORCEABLE', `the power cap could not be put into force: ${messageOf(error)}`, {
    cause: error,
  });
}
