import type { PowerScope } from '../../signals/quantities';

/** One measured line of a sensor, e.g. `GPU` or `VDD_IN`. */
export interface RailReading {
  readonly name: string;
  /** null when it could not be read or said something absurd. */
  readonly powerW: number | null;
  /** Part of the total, or a part of another rail and only shown. */
  readonly inTotal: boolean;
  /** In words: why there is no number. */
  readonly problem: string | null;
}

export interface PowerSample {
  /** When it was taken, monotonic. */
  readonly atMs: number;
  /** The device's power at that time; null where a rail that belongs to it is missing, or the sensor only counts energy. */
  readonly powerW: number | null;
  /** For sensors that count energy: joules since the sensor was opened, wrap-around undone; else null. */
  readonly energyJ: number | null;
  readonly rails: readonly RailReading[];
}

/** What can be asked for watts: real hardware, or files that look like it. */
export interface PowerSensor {
  /** Stable, e.g. `ina3221`, `rapl`, `tegrastats`. */
  readonly name: string;
  readonly scope: PowerScope;
  /** Relative error, e.g. 0.05; null when unknown. */
  readonly accuracy: number | null;
  /** In words, e.g. `INA3221, sum of six rails`. */
  readonly method: string;
  /** How often it makes sense to ask, ms. */
  readonly intervalMs: number;
  /** Never throws: what could not be read is null and says why. */
  sample(): Promise<PowerSample>;
  close(): Promise<void>;
}

/** What was found or not, for people: with what would help. */
export interface SensorFinding {
  readonly name: string;
  readonly found: boolean;
  readonly text: string;
}
