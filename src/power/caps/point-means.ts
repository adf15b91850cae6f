import { fullLoadW, type OperatingPoint, type ThrottleTarget } from '../../signals/device';
import type { Actuator } from '../actuators/actuator';
import { chooseOperatingPoint } from '../operating-points';
import type { CapMeans, MeansOutcome } from './cap-means';

/** Holds a cap without looking: the fastest operating point whose power at full load stays under it. */
export class PointMeans implements CapMeans {
  constructor(
    readonly points: readonly [OperatingPoint, ...OperatingPoint[]],
    private readonly actuator: Actuator,
  ) {}

  get enforced() {
    return this.actuator.enforced;
  }

  how(): string {
    return this.actuator.how();
  }

  async hold(capW: number): Promise<MeansOutcome> {
    const { point, fits, capUnreachable } = chooseOperatingPoint(this.points, capW);
    const operatingPoint = await this.actuator.apply(point);
    await this.actuator.readBack();
    const how = fits
      ? this.actuator.how()
      : `even at its lowest operating point the device can draw ${fullLoadW(operatingPoint).toFixed(1)} W`;
    return { operatingPoint, enforced: fits ? this.actuator.enforced : 'none', how, fits, capUnreachable };
  }

  admit(target: ThrottleTarget): Promise<void> {
    return this.actuator.admit(target);
  }

  release(): Promise<void> {
    return this.actuator.release();
  }
}
