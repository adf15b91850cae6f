import type { OperatingPoint } from '../../signals/device';
import type { DeviceDescription } from '../../signals/device-description';
import type { Clock } from '../clock';
import { ActivityModel } from './activity-model';

/**
 * The meter of a device without a sensor: its power law, fed with the measured activity of our hosts. On this machine the
 * watts are `modelled`; on a simulated device they are that device's and `simulated`.
 * @param seesMachine true when the model will also be told the CPU time of the whole machine
 */
export function lawMeter(
  description: DeviceDescription,
  initialPoint: OperatingPoint,
  clock: Clock,
  seesMachine = false,
): ActivityModel {
  const tag = description.simulated ? `simulated ${description.label}` : 'modelled';
  const activity = seesMachine
    ? 'CPU share of our inference hosts and of other programs'
    : 'CPU share of our inference hosts';
  return new ActivityModel({
    clock,
    components: description.components,
    initialPoint,
    source: description.simulated ? 'simulated' : 'modelled',
    scope: description.powerScope,
    method: `${tag}: idle + active watts x ${activity}; ${description.powerMethod}`,
    accuracy: description.powerAccuracy,
  });
}
