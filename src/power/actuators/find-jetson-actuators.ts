import { messageOf } from '../../signals/errors';
import type { Machine } from '../machine/machine';
import type { MachineChanges } from '../safety/setting';
import { readClocks, type ClockReading } from './clocks/clock-domain';
import { ClocksActuator } from './clocks/clocks';
import { megahertz } from './clocks/frequency';
import type { ActuatorFinding, HardwareActuator } from './hardware-actuator';
import { nvpmodelConfPath } from './nvpmodel/conf-file';
import { NvpmodelActuator } from './nvpmodel/nvpmodel';
import { PowerModes } from './nvpmodel/power-modes';
import { findJetsonSoc } from './nvpmodel/soc';

export interface JetsonActuators {
  /** Those that may be set; in a dry run also those that could be, were they permitted. */
  readonly actuators: readonly HardwareActuator[];
  readonly findings: readonly ActuatorFinding[];
}

type Found = { readonly finding: ActuatorFinding; readonly actuator: HardwareActuator | null };

const orReadOnly = '(or /sys is read-only, as in a container)';

/** Looks for the power modes and the clocks of a Jetson. Changes nothing and never throws. */
export async function findJetsonActuators(machine: Machine, changes: MachineChanges): Promise<JetsonActuators> {
  const modes = new PowerModes(machine);
  const found = [await findNvpmodel(machine, changes, modes), await findClocks(machine, changes, modes)];
  return {
    actuators: found.flatMap(({ actuator }) => (actuator === null ? [] : [actuator])),
    findings: found.map(({ finding }) => finding),
  };
}

async function findNvpmodel(machine: Machine, changes: MachineChanges, modes: PowerModes): Promise<Found> {
  const tell = (level: ActuatorFinding['level'], text: string): ActuatorFinding => ({ name: 'nvpmodel', level, text });
  try {
    const file = await modes.readConfIfThere();
    if (file === null)
      return { finding: tell('missing', `No power modes: there is no ${nvpmodelConfPath}`), actuator: null };
    const count = file.conf.modes.length;
    const method = `nvpmodel, ${count === 1 ? '1 mode' : `${count} modes`} in ${file.path}`;
    if ((await modes.program.query()).missing) {
      return {
        finding: tell(
          'missing',
          `${file.path} lists power modes, but the program nvpmodel is not there or may not be run`,
        ),
        actuator: null,
      };
    }
    const actuator = new NvpmodelActuator(machine, changes, method, modes);
    const permission = await modes.findPermission();
    if (permission.by === 'ourselves') return { finding: tell('usable', method), actuator };
    if (permission.by === 'sudo')
      return { finding: tell('usable', `${method}; by sudo: ${permission.modes.join(', ')}`), actuator };
    const text = `${method}: only root may change the mode ${orReadOnly}. Install the sudo rules that come with the package (folder recipe/), or set a mode by hand.`;
    return { finding: tell('denied', text), actuator: changes.dryRun ? actuator : null };
  } catch (error) {
    return { finding: tell('denied', `Power modes cannot be used: ${messageOf(error)}`), actuator: null };
  }
}

const clockRange = (what: string, { least, table }: ClockReading): string => {
  const highest = table.at(-1) ?? least;
  return `${what} ${Math.round(megahertz(least))} to ${Math.round(megahertz(highest))} MHz`;
};

async function findClocks(machine: Machine, changes: MachineChanges, modes: PowerModes): Promise<Found> {
  const tell = (level: ActuatorFinding['level'], text: string): ActuatorFinding => ({ name: 'clocks', level, text });
  const [{ gpu, cpu }, soc] = await Promise.all([readClocks(machine), findJetsonSoc(machine)]);
  const isJetson = gpu.length > 0 || soc !== null;
  if (!isJetson) return { finding: tell('missing', 'No clocks of a Jetson'), actuator: null };
  const groups = [
    { what: 'GPU', readings: gpu },
    { what: 'CPU', readings: cpu },
  ].filter(({ readings }) => readings.length > 0);
  if (groups.length === 0)
    return {
      finding: tell('missing', 'The clock limits of GPU and CPU cannot be read (they may come late after a boot)'),
      actuator: null,
    };
  const ranges = (some: typeof groups): string =>
    some.flatMap(({ what, readings: [first] }) => (first === undefined ? [] : [clockRange(what, first)])).join(', ');
  const settable = groups.filter(({ readings }) => readings.every(({ writable }) => writable));
  const locked = groups.filter((group) => !settable.includes(group));
  const method = `clock limits: ${ranges(settable.length > 0 ? settable : groups)}`;
  const actuator = new ClocksActuator(machine, changes, method, modes);
  const help = `may not be written by this user ${orReadOnly}: install the permission rules that come with the package (folder recipe/)`;
  const paths = locked.flatMap(({ readings }) => readings.map(({ files }) => files.most)).join(', ');
  if (settable.length === 0)
    return { finding: tell('denied', `${method}. ${paths} ${help}`), actuator: changes.dryRun ? actuator : null };
  return { finding: tell('usable', locked.length === 0 ? method : `${method}. But ${paths} ${help}`), actuator };
}
