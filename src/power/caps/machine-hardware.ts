import { EcomapError } from '../../signals/errors';
import { findHostActuators } from '../actuators/find-host-actuators';
import { findJetsonActuators } from '../actuators/find-jetson-actuators';
import type { HardwareActuatorName } from '../actuators/hardware-actuator';
import { settingOfKey } from '../actuators/setting-of-key';
import type { Clock } from '../clock';
import type { Machine } from '../machine/machine';
import { openMachineChanges } from '../safety/machine-changes';
import { findOtherManagers, refusalBeside } from '../safety/other-managers';
import { permitWriting, type PowerPermissions } from '../safety/power-permissions';
import { restoreAfterCrash, type CrashRestore } from '../safety/restore-after-crash';
import { RootHelperClient } from '../safety/root-helper-client';
import { machineWithRootHelper } from '../safety/root-helper-machine';
import type { MachineChanges, Restored } from '../safety/setting';
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
  /** Told what became of the settings whenever they are restored. */
  readonly onRestored?: (restored: Restored) => void;
}

/** The hardware limits of a machine. What a crashed run has left on it is restored first. */
export class MachineHardware implements Hardware {
  /** Resolves when that is done; never rejects. */
  readonly recovered: Promise<CrashRestore>;
  private readonly changes: MachineChanges;
  private readonly dryChanges: MachineChanges;
  private readonly machine: Machine;
  private readonly helper: RootHelperClient | null;
  private found: Promise<FoundHardware> | null = null;
  /** True from the permission to write until everything is restored. */
  private inUse = false;

  constructor(private readonly options: MachineHardwareOptions) {
    const { stateDirectory, clock, owner } = options;
    // What this user may not set, the root helper may, where it is installed. It knows only the real machine.
    const needsHelp = options.machine.files.root === '/' && process.getuid?.() !== 0;
    this.helper = needsHelp ? new RootHelperClient(owner) : null;
    const machine = this.helper === null ? options.machine : machineWithRootHelper(options.machine, this.helper);
    this.machine = machine;
    const common = { machine, stateDirectory, clock, owner };
    this.changes = openMachineChanges({ ...common, dryRun: false });
    this.dryChanges = openMachineChanges({ ...common, dryRun: true });
    this.recovered = restoreAfterCrash(stateDirectory, machine, settingOfKey(machine));
  }

  async find(dryRun: boolean): Promise<FoundHardware> {
    await this.recovered;
    // What there is can change with a permission, or with hardware that comes late after a start; what writes keeps what it
    // knows of the machine before it wrote.
    if (dryRun) return findActuators(this.machine, this.dryChanges);
    if (!this.inUse || this.found === null) this.found = findActuators(this.machine, this.changes);
    return this.found;
  }

  async permit(actuator: HardwareActuatorName): Promise<void> {
    const { permissions } = this.options;
    permitWriting(actuator, true, permissions);
    const refusal = refusalBeside(actuator, await findOtherManagers(this.machine), permissions);
    if (refusal !== null) throw new EcomapError('CAP_NOT_ENFORCEABLE', refusal);
    this.inUse = true;
  }

  async undo(): Promise<Restored> {
    // What the machine offers is looked at anew the next time.
    this.found = null;
    this.inUse = false;
    const restored = await this.changes.restore();
    await this.helper?.close();
    this.options.onRestored?.(restored);
    return restored;
  }

  async close(): Promise<void> {
    await this.helper?.close();
  }
}

async function findActuators(machine: Machine, changes: MachineChanges): Promise<FoundHardware> {
  // One after the other: each may start a program, which stops this process for some milliseconds.
  const found = [await findJetsonActuators(machine, changes), await findHostActuators(machine, changes)];
  return {
    actuators: found.flatMap(({ actuators }) => actuators),
    findings: found.flatMap(({ findings }) => findings),
  };
}
