import type { Component, OperatingPoint } from './device';
import type { ImportedTable } from './imported-profile';
import type { PowerScope } from './quantities';

/** Everything that tells one device from another: found on this machine, or made up by a simulation. */
export interface DeviceDescription {
  /** Stable, e.g. `this-machine` or `agx-xavier`. */
  readonly name: string;
  /** For people. */
  readonly label: string;
  /** True when the watts are those of another, simulated device: the hosts then run at its speed. */
  readonly simulated: boolean;
  readonly components: readonly Component[];
  /** Highest speed first, at least one. */
  readonly operatingPoints: readonly OperatingPoint[];
  readonly fingerprint: string;
  readonly powerScope: PowerScope;
  /** In words: where the idle and active watts come from. */
  readonly powerMethod: string;
  /** Relative error of the watts, e.g. 0.1; null when unknown. */
  readonly powerAccuracy: number | null;
  /** What a file says that networks cost on it; absent: nothing, they are measured. */
  readonly imported?: ImportedTable;
}

/** The part of this machine that a simulated device computes on. */
export interface LocalMachine {
  readonly components: readonly Component[];
  readonly fingerprint: string;
}
