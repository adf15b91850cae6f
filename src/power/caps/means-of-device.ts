import { fullLoadW, type OperatingPoint, type ThrottleTarget } from '../../signals/device';
import type { DeviceDescription } from '../../signals/device-description';
import { messageOf } from '../../signals/errors';
import type { QuotaGroupsFound } from '../actuators/find-quota-groups';
import { SimulatedActuator } from '../actuators/simulated';
import { SoftwareActuator } from '../actuators/software';
import type { Clock } from '../clock';
import { ClosedLoop, closedLoopDefaults } from '../control/closed-loop';
import { controlPointOf } from '../control/setting';
import type { DeviceMeter } from '../meters/device-meter';
import { isHardware, type ActuatorChoice, type HeldCap } from './cap-request';
import type { CapMeans, MeansOutcome } from './cap-means';
import { ClosedLoopMeans } from './closed-loop-means';
import { describeChanges, offerHardware, type Hardware, type OfferedHardware } from './hardware';
import { PointMeans } from './point-means';

export interface MeansOptions {
  readonly description: DeviceDescription;
  readonly points: readonly [OperatingPoint, ...OperatingPoint[]];
  readonly targets: ReadonlySet<ThrottleTarget>;
  readonly meter: DeviceMeter;
  /** Resolves when it is clear whether there is a sensor. */
  readonly meterReady: Promise<void>;
  readonly clock: Clock;
  readonly hardware: Hardware | null;
  readonly findQuotas: () => Promise<QuotaGroupsFound>;
  readonly onChange: (point: OperatingPoint) => void;
  readonly loopIntervalMs: number | undefined;
}

/** Finds the means to hold a cap on a device, and keeps the one in use. */
export class MeansOfDevice {
  private software: SoftwareActuator | null = null;
  private readonly simulated: SimulatedActuator;
  private inUse: { readonly key: string; readonly means: CapMeans } | null = null;

  constructor(private readonly options: MeansOptions) {
    this.simulated = new SimulatedActuator(options.targets);
  }

  get active(): CapMeans | null {
    return this.inUse?.means ?? null;
  }

  /** The means for a cap; what was in use before is released when it is another. */
  async use(cap: HeldCap): Promise<CapMeans> {
    const key = `${cap.actuator}/${cap.apply}/${cap.guardBand ?? ''}`;
    if (this.inUse?.key === key) return this.inUse.means;
    await this.release();
    const means = await this.make(cap);
    this.inUse = { key, means };
    return means;
  }

  async release(): Promise<void> {
    const { inUse } = this;
    this.inUse = null;
    await inUse?.means.release();
  }

  /** The operating points that a choice would work with. */
  async pointsOf(choice: ActuatorChoice, apply: boolean): Promise<readonly [OperatingPoint, ...OperatingPoint[]]> {
    if (!isHardware(choice) && !(choice === 'auto' && apply)) return this.options.points;
    try {
      return (await this.offer(choice, !apply)).points;
    } catch {
      // Why is said when the cap is put into force.
      return this.options.points;
    }
  }

  /** What a hardware actuator would do for a cap, in words. @throws EcomapError CAP_NOT_ENFORCEABLE, POWER_DENIED */
  async dryRun(capW: number, choice: ActuatorChoice, guardBand: number | null) {
    const { actuator, points } = await this.offer(choice, true);
    const [first, ...others] = points;
    const loop = new ClosedLoop({
      points: [controlPointOf(first), ...others.map(controlPointOf)],
      guardBand: guardBand ?? closedLoopDefaults.guardBand,
      vernier: false,
    });
    const decision = loop.setCap(capW, this.options.clock.monotonicMs());
    const point = points[decision.point] ?? first;
    const { changes } = await actuator.apply(point.name);
    const how = `dry run of ${actuator.name}: ${point.name}, ${describeChanges(changes)}; "Change this machine" lets it`;
    return { how, capUnreachable: decision.capUnreachable };
  }

  private async make(cap: HeldCap): Promise<CapMeans> {
    const { description } = this.options;
    if (cap.actuator === 'simulated' || (cap.actuator === 'auto' && description.simulated))
      return new PointMeans(this.options.points, this.simulated);
    if (isHardware(cap.actuator)) return this.hardwareMeans(cap, await this.offer(cap.actuator, false));
    if (cap.actuator === 'auto' && cap.apply) {
      try {
        return await this.hardwareMeans(cap, await this.offer('auto', false));
      } catch (error) {
        return new Explained(await this.softwareMeans(cap), `no hardware is limited (${messageOf(error)})`);
      }
    }
    return this.softwareMeans(cap);
  }

  private async hardwareMeans(cap: HeldCap, { actuator, points }: OfferedHardware): Promise<CapMeans> {
    const { hardware } = this.options;
    await hardware?.permit(actuator.name);
    await this.options.meterReady;
    return new ClosedLoopMeans({
      ...this.loopOptions(cap),
      points,
      hardware: actuator,
      pauses: await this.pauses(),
      undo: async () => hardware?.undo(),
    });
  }

  /** With a sensor that sees what the cap is about, limits on our own hosts follow the measured power, too. */
  private async softwareMeans(cap: HeldCap): Promise<CapMeans> {
    const { points, meter, description } = this.options;
    await this.options.meterReady;
    const software = await this.pauses();
    if (description.simulated || meter.source === 'modelled' || meter.scope !== description.powerScope)
      return new PointMeans(points, software);
    return new ClosedLoopMeans({ ...this.loopOptions(cap), points: [points[0]], hardware: null, pauses: software });
  }

  private loopOptions(cap: HeldCap) {
    const { meter, clock, onChange, loopIntervalMs } = this.options;
    const timing = loopIntervalMs === undefined ? {} : { intervalMs: loopIntervalMs };
    return { meter, clock, onChange, guardBand: cap.guardBand, ...timing };
  }

  private async offer(choice: ActuatorChoice, dryRun: boolean): Promise<OfferedHardware> {
    const { hardware, description, points } = this.options;
    const wanted = isHardware(choice) ? choice : 'auto';
    const found = (await hardware?.find(dryRun)) ?? { actuators: [], findings: [] };
    return offerHardware(found, wanted, {
      board: description.label,
      components: description.components,
      figures: { idleW: points[0].idleW, fullLoadW: fullLoadW(points[0]) },
    });
  }

  private async pauses(): Promise<SoftwareActuator> {
    const { description, targets } = this.options;
    this.software ??= new SoftwareActuator(description.components, targets, (await this.options.findQuotas()).groups);
    return this.software;
  }
}

/** Means that stand in for others, and say why. */
class Explained implements CapMeans {
  constructor(
    private readonly means: CapMeans,
    private readonly why: string,
  ) {}

  get points() {
    return this.means.points;
  }

  get enforced() {
    return this.means.enforced;
  }

  how(): string {
    return `${this.means.how()}; ${this.why}`;
  }

  async hold(capW: number): Promise<MeansOutcome> {
    const outcome = await this.means.hold(capW);
    return { ...outcome, how: `${outcome.how}; ${this.why}` };
  }

  admit(target: ThrottleTarget): Promise<void> {
    return this.means.admit(target);
  }

  release(): Promise<void> {
    return this.means.release();
  }
}
