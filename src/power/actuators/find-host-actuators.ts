import type { Machine } from '../machine/machine';
import type { MachineChanges } from '../safety/setting';
import { findCpufreq } from './cpufreq';
import type { ActuatorFinding, HardwareActuator } from './hardware-actuator';
import { findNvidiaSmi, type NvidiaSmiOptions } from './nvidia-smi';
import { findRapl, type RaplOptions } from './rapl';

export interface HostActuators {
  /** Those that may be set; in a dry run also those that could be, were they permitted. */
  readonly actuators: readonly HardwareActuator[];
  readonly findings: readonly ActuatorFinding[];
}

/** Looks for the limits of ordinary computers: RAPL, CPU clocks, NVIDIA cards. Changes nothing and never throws. */
export async function findHostActuators(
  machine: Machine,
  changes: MachineChanges,
  options: RaplOptions & NvidiaSmiOptions = {},
): Promise<HostActuators> {
  const found = await Promise.all([
    findRapl(machine, changes, options),
    findCpufreq(machine, changes),
    findNvidiaSmi(machine, changes, options),
  ]);
  return {
    actuators: found.flatMap(({ actuator }) => actuator ?? []),
    findings: found.map(({ finding }) => finding),
  };
}
