import type { OperatingPoint } from '../../signals/device';
import type { DeviceDescription } from '../../signals/device-description';
import type { Clock } from '../clock';
import { ActivityModel } from './activity-model';

/**
 * The meter of a device without a sensor: its power law, fed with the measured activity of our hosts. On this machine the
 * watts are `modelled`; on a simulated device they are that device's and `simulated`.
 */
export function lawMeter(description: DeviceDescription, initialPoint: OperatingPoint, clock: Clock): ActivityModel {
  const tag = description.simulated ? `simulated ${description.label}` : 'modelled';
  return new ActivityModel({
    clock,
    components: description.components,
    initialPoint,
    source: description.simulated ? 'simulated' : 'modelled',
    scope: description.powerScope,
    method: `${tag}: idle + active watts x CPU share of our inference hosts; ${description.powerMethod}`,
    accuracy: description.powerAccuracy,
  });
}
