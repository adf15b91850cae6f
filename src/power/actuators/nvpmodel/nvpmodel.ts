import { EcomapError } from '../../../signals/errors';
import { quoted } from '../../../signals/parse';
import type { Machine } from '../../machine/machine';
import type { MachineChanges, Setting } from '../../safety/setting';
import { readClocks } from '../clocks/clock-domain';
import { findClockLock } from '../clocks/clock-lock';
import { byExpectedPower } from '../expected-power';
import type { HardwareActuator, HardwareState } from '../hardware-actuator';
import { nvpmodelSetting } from './nvpmodel-setting';
import { PowerModes } from './power-modes';

/** Puts the power modes of a Jetson into force. A mode caps clocks and cores, not watts: what it draws is for the law to say. */
export class NvpmodelActuator implements HardwareActuator {
  readonly name = 'nvpmodel';
  private readonly setting: Setting;

  constructor(
    private readonly machine: Machine,
    private readonly changes: MachineChanges,
    readonly method: string,
    private readonly modes = new PowerModes(machine),
  ) {
    this.setting = nvpmodelSetting(machine, modes);
  }

  async states(): Promise<readonly HardwareState[]> {
    return (await this.modes.states()).toSorted(byExpectedPower);
  }

  async apply(name: string): ReturnType<HardwareActuator['apply']> {
    const states = await this.modes.states();
    const state = states.find((candidate) => candidate.name === name);
    if (state === undefined) {
      const names = states.map((candidate) => candidate.name).join(', ');
      throw new EcomapError('INVALID_CONFIG', `${quoted(name)} is no power mode of this machine. It has: ${names}.`);
    }
    const before = await this.modes.inForce();
    if (before?.name === name) return { inForce: before, changes: [] };
    if (state.refusal !== null) throw new EcomapError('CAP_NOT_ENFORCEABLE', state.refusal);
    // A change of mode would undo the lock, which is somebody's wish.
    const lock = findClockLock(await readClocks(this.machine), () => false);
    if (lock !== null) throw new EcomapError('CAP_NOT_ENFORCEABLE', lock);
    const change = await this.changes.set(this.setting, name);
    return { inForce: await this.modes.inForce(), changes: [change] };
  }

  readBack(): Promise<HardwareState | null> {
    return this.modes.inForce();
  }
}
