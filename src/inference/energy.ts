import type { InferenceDevice, OperatingPoint } from '../signals/device';
import type { Component } from '../signals/device';
import type { Source } from '../signals/quantities';

/** Joules since the last reading; null where unknown. */
export interface EnergyReading {
  readonly totalJ: number | null;
  readonly idleJ: number | null;
  readonly source: Source;
  /** How it was obtained, in words. */
  readonly method: string;
}

/** A place of its own in the device's energy count. */
export interface EnergyReader {
  readEnergy(): EnergyReading;
}

/** A device that may also know its energy. Without `openReader` the energy of a window is unknown. */
export interface ServingDevice extends InferenceDevice {
  openReader?(): EnergyReader;
}

export const unknownEnergy: EnergyReading = {
  totalJ: null,
  idleJ: null,
  source: 'modelled',
  method: 'unknown: this device has no energy meter',
};

/** How the energy of one inference is obtained: said beside every figure. */
export const inferenceEnergyMethod = 'modelled: CPU time x watts that the component adds while it computes';

/**
 * Energy above idle of one inference, J: the power law of src/signals/device.ts applied to the CPU time that it used.
 * Null when the operating point does not know the component.
 */
export function inferenceEnergyJ(component: Component, point: OperatingPoint, cpuMs: number): number | null {
  const activeW = point.activeW[component.name];
  return activeW === undefined ? null : (cpuMs / 1000 / component.threads) * activeW;
}
