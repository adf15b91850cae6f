import { EcomapError } from '../../signals/errors';
import { findJetsonActuators } from '../actuators/find-jetson-actuators';
import type { HardwareActuatorName } from '../actuators/hardware-actuator';
import { nvpmodelSetting } from '../actuators/nvpmodel/nvpmodel-setting';
import type { Clock } from '../clock';
import type { Machine } from '../machine/machine';
import { fileSetting, pathOfKey } from '../safety/file-setting';
import { openMachineChanges } from '../safety/machine-changes';
import { findOtherManagers, refusalBeside } from '../safety/other-managers';
import { permitWriting, type PowerPermissions } from '../safety/power-permissions';
import { restoreAfterCrash, type CrashRestore } from '../safety/restore-after-crash';
import type { MachineChanges, Restored, Setting } from '../safety/setting';
import type { FoundHardware, Hardware } from './hardware';

export interface MachineHardwareOptions {
  readonly machine: Machine;
  /** Node-RED's user directory. */
  readonly stateDirectory: string;
  /** What settings.js allows. */
  readonly permissions: PowerPermissions;
  readonly clock: Clock;
  /** For people: who makes the changes, e.g. `the device "Jetson"`. */
  readonly owner: string;
}

/** The hardware limits of a machine. What a crashed run has left on it is restored first. */
export class MachineHardware implements Hardware {
  /** Resolves when that is done; never rejects. */
  readonly recovered: Promise<CrashRestore>;
  private readonly changes: MachineChanges;
  private readonly dryChanges: MachineChanges;
  private found: Promise<FoundHardware> | null = null;

  constructor(private readonly options: MachineHardwareOptions) {
    const { machine, stateDirectory, clock, owner } = options;
    const common = { machine, stateDirectory, clock, owner };
    this.changes = openMachineChanges({ ...common, dryRun: false });
    this.dryChanges = openMachineChanges({ ...common, dryRun: true });
    this.recovered = restoreAfterCrash(stateDirectory, machine, (key) => settingOfKey(machine, key));
  }

  async find(dryRun: boolean): Promise<FoundHardware> {
    await this.recovered;
    // What a dry run may use can change with a permission; what writes keeps what it knows of the machine before it wrote.
    if (dryRun) return findActuators(this.options.machine, this.dryChanges);
    return (this.found ??= findActuators(this.options.machine, this.changes));
  }

  async permit(actuator: HardwareActuatorName): Promise<void> {
    const { machine, permissions } = this.options;
    permitWriting(actuator, true, permissions);
    const refusal = refusalBeside(actuator, await findOtherManagers(machine), permissions);
    if (refusal !== null) throw new EcomapError('CAP_NOT_ENFORCEABLE', refusal);
  }

  undo(): Promise<Restored> {
    // What the machine offers is looked at anew the next time.
    this.found = null;
    return this.changes.restore();
  }
}

function findActuators(machine: Machine, changes: MachineChanges): Promise<FoundHardware> {
  return findJetsonActuators(machine, changes);
}

/** The setting behind a key on record; null for one that is not known (any more). */
function settingOfKey(machine: Machine, key: string): Setting | null {
  const path = pathOfKey(key);
  if (path !== null) return fileSetting(machine, path);
  return key === 'nvpmodel' ? nvpmodelSetting(machine) : null;
}
