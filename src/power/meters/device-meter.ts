import type { OperatingPoint, ThrottleTarget } from '../../signals/device';
import type { PowerMeter } from './meter';
import type { PowerSample } from './sensor';

/** The meter of a device: told what the device does, whether it needs to know (a model) or not (a sensor). */
export interface DeviceMeter extends PowerMeter {
  /** What ran until now is charged at the old point, what follows at the new one. */
  changePoint(point: OperatingPoint): void;
  /** A host whose CPU time counts from now on. */
  add(target: ThrottleTarget): void;
  remove(target: ThrottleTarget): void;
  /** The newest reading with its rails; null without a sensor, or when there is none that is fresh. */
  latest(): PowerSample | null;
  close(): Promise<void>;
}
