import type { DeviceDescription } from '../signals/device-description';
import { componentsByHand, componentsFor, fingerprintOf } from './components';
import type { Detection } from './detect';
import { quotaOperatingPoints } from './operating-points';
import { modelPower, type PlugReadings } from './power-defaults';

export interface MachineSettings extends PlugReadings {
  /** `[{name, cores, threads}]` by hand; null lets the cores decide. */
  readonly components: unknown;
}

export const automatic: MachineSettings = { components: null, idleW: null, fullLoadW: null };

/**
 * This machine as a device: its cores as components, CPU quotas as operating points, watts from a model.
 * @throws EcomapError INVALID_CONFIG for components or plug readings that cannot be.
 */
export function describeMachine(detection: Detection, settings: MachineSettings = automatic): DeviceDescription {
  const components =
    settings.components === null
      ? componentsFor(detection.cores, detection.canPin, detection.clusters)
      : componentsByHand(settings.components, detection);
  const threads = components.reduce((sum, component) => sum + component.threads, 0);
  const power = modelPower(detection.deviceClass, Math.min(threads, detection.cores.length), settings);
  return {
    name: 'this-machine',
    label: detection.boardModel ?? detection.cpuModel,
    simulated: false,
    components,
    operatingPoints: quotaOperatingPoints(components, power),
    fingerprint: fingerprintOf(detection, components),
    powerScope: power.scope,
    powerMethod: power.method,
    powerAccuracy: power.accuracy,
  };
}
