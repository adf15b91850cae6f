import type { Component, OperatingPoint } from '../../signals/device';
import type { DeviceDescription, LocalMachine } from '../../signals/device-description';
import type { PowerScope } from '../../signals/quantities';

/** A simulated device before it is tied to the cores that compute for it. */
export interface SimulatedDevice {
  readonly name: string;
  readonly label: string;
  readonly powerScope: PowerScope;
  readonly powerMethod: string;
  readonly powerAccuracy: number | null;
  readonly modes: readonly SimulatedMode[];
}

export interface SimulatedMode {
  readonly name: string;
  /** Relative to the fastest mode. */
  readonly speed: number;
  readonly idleW: number;
  /** Watts above idle while everything computes in this mode. */
  readonly busyW: number;
}

/** Ties a simulated device to this machine: its components compute, at the simulated speed and for the simulated watts. */
export function describeSimulated(device: SimulatedDevice, local: LocalMachine): DeviceDescription {
  return {
    name: device.name,
    label: device.label,
    simulated: true,
    components: local.components,
    operatingPoints: [...device.modes].sort((a, b) => b.speed - a.speed).map((mode) => pointOf(mode, local.components)),
    // The hosts run on this machine, so its profiles hold.
    fingerprint: local.fingerprint,
    powerScope: device.powerScope,
    powerMethod: device.powerMethod,
    powerAccuracy: device.powerAccuracy,
  };
}

function pointOf(mode: SimulatedMode, components: readonly Component[]): OperatingPoint {
  const threads = components.reduce((sum, component) => sum + component.threads, 0);
  return {
    name: mode.name,
    speed: mode.speed,
    idleW: mode.idleW,
    // A paced host computes for `speed` of the time where the simulated device would compute all of it, only slower: its
    // CPU second stands for 1/speed seconds of the device.
    activeW: Object.fromEntries(
      components.map(({ name, threads: own }) => [name, (mode.busyW / mode.speed) * (own / threads)]),
    ),
  };
}
