import type { SettingChange } from '../safety/setting';

/** By which means the hardware itself is limited. */
export const hardwareActuatorNames = ['nvpmodel', 'clocks', 'cpufreq', 'rapl', 'nvidia-smi'] as const;
export type HardwareActuatorName = (typeof hardwareActuatorNames)[number];

/** One state that an actuator can put into force; what it means for speed and watts is for the power law to say. */
export interface HardwareState {
  /** For people and for `apply`, unique within the actuator, e.g. `MODE_30W_ALL` or `GPU 905 MHz, CPU 1.19 GHz`. */
  readonly name: string;
  /** Highest GPU clock, MHz; null where it is not limited or there is none. */
  readonly gpuMhz: number | null;
  /** Highest CPU clock, MHz. */
  readonly cpuMhz: number | null;
  readonly emcMhz: number | null;
  /** Cores that are switched on. */
  readonly cores: number | null;
  /** GPU units (TPC) that are switched on. */
  readonly gpuUnits: number | null;
  /** Highest DLA clock, MHz. */
  readonly dlaMhz: number | null;
  /** For actuators that take watts (RAPL, nvidia-smi): the limit. */
  readonly powerLimitW: number | null;
  /** Why it cannot be put into force now (a reboot would be needed, it is not permitted); null when it can. */
  readonly refusal: string | null;
}

/** Limits hardware. Everything it writes goes through `MachineChanges`, so it can be a dry run and is always undone. */
export interface HardwareActuator {
  readonly name: HardwareActuatorName;
  /** In words, e.g. `nvpmodel, 8 modes in /etc/nvpmodel/nvpmodel_t194.conf`. */
  readonly method: string;
  /** Operating points of the hardware, highest power first; those with a refusal included. */
  states(): Promise<readonly HardwareState[]>;
  /**
   * Puts a state into force; in a dry run tells what would be written.
   * @returns the state in force after read-back (in a dry run: still the old one, null when it is none of ours) and the changes
   * @throws EcomapError POWER_DENIED, CAP_NOT_ENFORCEABLE with what to do, INVALID_CONFIG for an unknown name
   */
  apply(name: string): Promise<{ readonly inForce: HardwareState | null; readonly changes: readonly SettingChange[] }>;
  /** The state in force, read from the hardware; null when it is none of the listed ones. */
  readBack(): Promise<HardwareState | null>;
}

/** What was found or not, for people: with what would help. */
export interface ActuatorFinding {
  readonly name: HardwareActuatorName;
  /** `usable`: may be set; `denied`: there, but this process may not set it; `missing`: not on this machine. */
  readonly level: 'usable' | 'denied' | 'missing';
  readonly text: string;
}
