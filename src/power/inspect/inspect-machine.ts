import { setTimeout } from 'node:timers/promises';
import { EcomapError, messageOf } from '../../signals/errors';
import type { ActuatorFinding, HardwareActuator } from '../actuators/hardware-actuator';
import { thisMachine, type Machine } from '../machine/machine';
import type { PowerSensor, SensorFinding } from '../meters/sensor';
import type { MachineChanges } from '../safety/setting';
import { findAccelerators } from './accelerators';
import { findBoard } from './board-facts';
import { detectIn, findCores } from './core-facts';
import { findCpuQuotas } from './cpu-quotas';
import type { ActuatorFacts, InspectionFinding, MachineInspection, SensorFacts } from './inspection';
import { findPermissions } from './permissions';
import { sensorFacts } from './sensor-facts';
import { findSystem } from './system-facts';

/** Who finds what; each may be replaced in tests. */
export interface InspectionParts {
  findSensors(
    machine: Machine,
  ): Promise<{ readonly sensors: readonly PowerSensor[]; readonly findings: readonly SensorFinding[] }>;
  findActuators(
    machine: Machine,
    changes: MachineChanges,
  ): Promise<{ readonly actuators: readonly HardwareActuator[]; readonly findings: readonly ActuatorFinding[] }>;
  findOtherManagers(machine: Machine): Promise<readonly InspectionFinding[]>;
}

/** Sensors that only count energy need a second look after this long. */
const energyWindowMs = 500;

/** Refuses to write: whoever inspects changes nothing. */
export const noChanges: MachineChanges = {
  dryRun: true,
  problems: [],
  set: () => Promise.reject(new EcomapError('POWER_DENIED', 'an inspection changes nothing on the machine')),
  restore: () => Promise.resolve({ restored: [], leftToOthers: [], failed: [] }),
};

async function lookAtSensor(sensor: PowerSensor, isReal: boolean): Promise<SensorFacts> {
  const first = await sensor.sample();
  if (first.powerW !== null || first.energyJ === null) return sensorFacts(sensor, first, null, isReal);
  await setTimeout(energyWindowMs);
  return sensorFacts(sensor, await sensor.sample(), first, isReal);
}

async function lookAtActuator(
  finding: ActuatorFinding,
  actuators: readonly HardwareActuator[],
): Promise<ActuatorFacts> {
  const { name, level, text } = finding;
  const actuator = actuators.find((found) => found.name === name);
  if (actuator === undefined) return { name, level, text, states: [], problem: null };
  try {
    const states = await actuator.states();
    let inForce: string | null = null;
    let problem: string | null = null;
    try {
      inForce = (await actuator.readBack())?.name ?? null;
    } catch (error) {
      problem = messageOf(error);
    }
    return {
      name,
      level,
      text,
      problem,
      states: states.map((state) => ({ ...state, inForce: state.name === inForce })),
    };
  } catch (error) {
    return { name, level, text, states: [], problem: messageOf(error) };
  }
}

export interface InspectionOptions {
  readonly machine?: Machine;
  readonly parts: InspectionParts;
}

/**
 * Looks at everything that matters for power on a machine and changes nothing. Never throws: what fails in an unforeseen
 * way is in `problems`, and the rest is there all the same.
 */
export async function inspectMachine({ machine = thisMachine, parts }: InspectionOptions): Promise<MachineInspection> {
  const { files } = machine;
  const isThisMachine = files.root === '/';
  const problems: string[] = [];
  const orElse = async <Found>(what: string, find: () => Promise<Found>, otherwise: Found): Promise<Found> => {
    try {
      return await find();
    } catch (error) {
      problems.push(`${what}: ${messageOf(error)}`);
      return otherwise;
    }
  };
  const detection = await detectIn(files, isThisMachine);
  const found = await orElse('sensors', () => parts.findSensors(machine), { sensors: [], findings: [] });
  const sensors: SensorFacts[] = [];
  for (const sensor of found.sensors) {
    const facts = await orElse(sensor.name, () => lookAtSensor(sensor, isThisMachine), null);
    if (facts !== null) sensors.push(facts);
    await orElse(sensor.name, () => sensor.close(), undefined);
  }
  const { actuators, findings } = await orElse('actuators', () => parts.findActuators(machine, noChanges), {
    actuators: [],
    findings: [],
  });
  return {
    board: await findBoard(files, detection),
    system: await findSystem(files, isThisMachine),
    cores: await findCores(files, detection),
    accelerators: await orElse('accelerators', () => findAccelerators(files), []),
    sensors,
    sensorFindings: found.findings.map(({ found: isThere, text }) => ({ level: isThere ? 'ok' : 'missing', text })),
    actuators: await Promise.all(findings.map((finding) => lookAtActuator(finding, actuators))),
    cpuQuotas: await findCpuQuotas(files),
    otherManagers: [...(await orElse('other managers', () => parts.findOtherManagers(machine), []))],
    permissions: await orElse('permissions', () => findPermissions(files), []),
    problems,
  };
}
