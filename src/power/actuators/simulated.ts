import type { OperatingPoint, ThrottleTarget } from '../../signals/device';
import type { Actuator, Targets } from './actuator';
import { Pacing } from './pacing';

/** A simulated device obeys at once; its hosts on this machine are paced to its speed, so that latencies are felt. */
export class SimulatedActuator implements Actuator {
  readonly kind = 'simulated';
  readonly enforced = 'simulated';
  private readonly pacing: Pacing;
  private point: OperatingPoint | null = null;
  /** True as soon as a host may have been slowed down, even when the cap as a whole then failed. */
  private touched = false;

  constructor(targets: Targets, pacing: Pacing = new Pacing(targets)) {
    this.pacing = pacing;
  }

  how(): string {
    return 'simulated device, hosts paced to its speed';
  }

  async apply(point: OperatingPoint): Promise<OperatingPoint> {
    this.touched = true;
    await this.pacing.applyToAll(point.speed);
    this.point = point;
    return point;
  }

  readBack(): Promise<OperatingPoint | null> {
    return Promise.resolve(this.point);
  }

  async admit(target: ThrottleTarget): Promise<void> {
    if (this.point !== null) await this.pacing.applyTo(target, this.point.speed);
  }

  async release(): Promise<void> {
    this.point = null;
    if (!this.touched) return;
    await this.pacing.applyToAll(1);
    this.touched = false;
  }
}
